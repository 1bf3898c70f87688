// Each format as programs write it, in small records made for these tests.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"
#include "medsynth/references/references.h"

namespace medsynth::references {
namespace {

Reference one(std::string_view text, Format format, const ReadOptions& options = {}) {
  const auto read_ = read(text, options);
  if (!read_) {
    ADD_FAILURE() << read_.error().message;
    return {};
  }
  EXPECT_EQ(read_->formats, std::vector{format});
  EXPECT_EQ(read_->references.size(), 1u);
  for (const Warning& each : read_->warnings) ADD_FAILURE() << each.line << ": " << each.detail;
  return read_->references.empty() ? Reference{} : read_->references[0];
}

void expect_statins(const Reference& r) {
  EXPECT_EQ(r.title, "Statins and stroke: a trial");
  EXPECT_NE(r.abstract.find("Strokes were fewer (p < 0.05)."), std::string::npos) << r.abstract;
  EXPECT_EQ(r.year, 2019);
  EXPECT_EQ(r.journal, "Journal of Trials");
  EXPECT_EQ(r.doi, "10.1000/abc.1");
  EXPECT_EQ(r.authors, (std::vector<std::string>{"Müller, Anna", "Doe, J."}));
}

// Every program's RIS names title, abstract, journal and year by other tags; the last record may lack its
// end.
TEST(Ris, HasDialects) {
  expect_statins(
      one("TY  - JOUR\nTI  - Statins and stroke: a trial\nAU  - Müller, Anna\nAU  - Doe, J.\nT2  - Journal "
          "of Trials\nAB  - Strokes "
          "were\n  fewer (p < 0.05).\nDO  - 10.1000/ABC.1\nDA  - 2019/05/02/\nPY  - 2019\nER  - \n",
          Format::ris));
  expect_statins(one(
      "\xEF\xBB\xBFTY  - JOUR\r\nT1  - Statins and stroke: a trial\r\nA1  - Müller, Anna\r\nA1  - Doe, "
      "J.\r\nY1  - "
      "2019//\r\nN2  - Strokes were fewer (p &lt; 0.05).\r\nJF  - Journal of Trials\r\nJA  - J Tri\r\nM3  - "
      "https://doi.org/10.1000/abc.1\r\nER  -\r\n\r\n",
      Format::ris));
}

// One space before the dash where the program writes so; else a line of an abstract is not taken for a tag.
TEST(Ris, SpacesBeforeTheDash) {
  EXPECT_EQ(one("TY - JOUR\nTI - A\nAB - B\nER -\n", Format::ris).abstract, "B");
  EXPECT_EQ(one("TY  - JOUR\nTI  - A\nAB  - Seen by\nCT - guided biopsy.\nER  -\n", Format::ris).abstract,
            "Seen by CT - guided biopsy.");
}

// The PMID stands where the database puts it: AN for PubMed, C2 for Scopus, a note for Zotero; never an
// accession number of others.
TEST(Ris, FindsThePmid) {
  EXPECT_EQ(one("TY  - JOUR\nTI  - A\nAN  - 123456\nDP  - NLM\nER  -\n", Format::ris).pmid, "123456");
  EXPECT_EQ(one("TY  - JOUR\nTI  - A\nC2  - 31421429\nDB  - Scopus\nER  -\n", Format::ris).pmid, "31421429");
  EXPECT_EQ(one("TY  - JOUR\nTI  - A\nN1  - PMID: 31421429\nER  -\n", Format::ris).pmid, "31421429");
  EXPECT_EQ(one("TY  - JOUR\nTI  - A\nAN  - 2001234567\nDB  - Embase\nER  -\n", Format::ris).pmid, "");
  EXPECT_EQ(one("TY  - JOUR\nTI  - A\nM1  - L61234567\nC5  - 31421429\nDB  - Embase\nDB  - Medline\nER  -\n",
                Format::ris)
                .pmid,
            "31421429");
}

// EBSCO has the DOI in L3; some programs leave out the space behind the dash.
TEST(Ris, OtherTagsAndSpaces) {
  const Reference r =
      one("TY  -JOUR\nTI  -Statins\nL3  - 10.1016/j.agee.2016.06.041\nAB  -Of some.\nER  -\n", Format::ris);
  EXPECT_EQ(r.title, "Statins");
  EXPECT_EQ(r.doi, "10.1016/j.agee.2016.06.041");
  EXPECT_EQ(r.abstract, "Of some.");
}

// Ovid counts its records and says more behind their end: one warning for all of it, and nobody's record.
TEST(Ris, WhatStandsBetweenRecords) {
  const auto read_ = read(
      "1.\nTY  - JOUR\nTI  - A\nER  - \nNL  - J Tri\n\nLink: https://example.org\n\n2.\nTY  - JOUR\nTI  - "
      "B\nER  - \nNL  - J "
      "Tri\n\n3.\nTY  - JOUR\nTI  - C\nER  - \n");
  ASSERT_TRUE(read_);
  ASSERT_EQ(read_->references.size(), 3u);
  EXPECT_EQ(read_->references[2].title, "C");
  ASSERT_EQ(read_->warnings.size(), 1u);
  EXPECT_EQ(read_->warnings[0].line, 5);
  EXPECT_NE(read_->warnings[0].detail.find("1 more place"), std::string::npos) << read_->warnings[0].detail;
  // A record without its first line is one all the same.
  const auto headless = read("TY  - JOUR\nTI  - A\nER  - \n\nTI  - B\nER  - \n");
  ASSERT_TRUE(headless);
  EXPECT_EQ(headless->references.size(), 2u);
}

// A record without its end, text before the first record, the end of the file in a record: said with the
// line, and nothing lost.
TEST(Ris, SaysWhatIsDamaged) {
  const auto read_ =
      read("Exported by X\nTY  - JOUR\nTI  - A\nTY  - JOUR\nTI  - B\nER  -\n\nTY  - JOUR\nTI  - C\n");
  ASSERT_TRUE(read_);
  ASSERT_EQ(read_->references.size(), 3u);
  EXPECT_EQ(read_->references[2].title, "C");
  ASSERT_EQ(read_->warnings.size(), 3u);
  EXPECT_EQ(read_->warnings[0].line, 1);
  EXPECT_EQ(read_->warnings[1].line, 4);
  EXPECT_EQ(read_->warnings[2].line, 8);
}

TEST(Medline, IsRead) {
  const Reference r =
      one("PMID- 123\nOWN - NLM\nTI  - Statins and stroke: \n      a trial\nAB  - METHODS: We looked.\n      "
          "Strokes were fewer (p < 0.05).\nFAU - "
          "Müller, Anna\nAU  - Müller A\nFAU - Doe, J.\nAU  - Doe J\nLA  - eng\nPT  - Journal Article\nPT  - "
          "Retracted Publication\nDP  - 2019 "
          "May 2\nTA  - J Trials\nJT  - Journal of Trials\nLID - 10.1000/ABC.1 [doi]\nAID - S0140 [pii]\nRIN "
          "- J Trials. 2020:1\n\n",
          Format::medline);
  expect_statins(r);
  EXPECT_EQ(r.pmid, "123");
  EXPECT_TRUE(r.retracted);
}

// A dash without its space: nothing of what follows is lost, and no character is cut in two.
TEST(Medline, ReadsATagWithoutTheSpaceBehindItsDash) {
  const Reference read = one("PMID- 123\nDP  -2019\nTI  -\xC2\xA0\xC3\x84rzte\n", Format::medline);
  EXPECT_EQ(read.year, 2019);
  EXPECT_TRUE(is_utf8(read.title));
  EXPECT_NE(read.title.find("\xC3\x84rzte"), std::string::npos);
}

// A notice that retracts another paper is no retracted paper.
TEST(Medline, ANoticeOfRetractionIsNotRetracted) {
  EXPECT_FALSE(one("PMID- 5\nTI  - Retraction: Statins.\nPT  - Retraction of Publication\n", Format::medline)
                   .retracted);
}

TEST(Medline, RecordsAreApartWithAndWithoutEmptyLines) {
  EXPECT_EQ(read("PMID- 1\nTI  - A\n\nPMID- 2\nTI  - B\nPMID- 3\nTI  - C\n")->references.size(), 3u);
}

TEST(EndNote, TaggedAndXml) {
  expect_statins(
      one("%0 Journal Article\n%T Statins and stroke: a trial\n%A Müller, Anna\n%A Doe, J.\n%J Journal of "
          "Trials\n%D 2019\n%X Strokes "
          "were fewer (p < 0.05).\n%R 10.1000/abc.1\n",
          Format::endnote_tagged));
  expect_statins(
      one("<?xml version=\"1.0\"?><xml><records><record><ref-type name=\"Journal "
          "Article\">17</ref-type><contributors><authors><author><style "
          "face=\"normal\">Müller, Anna</style></author><author>Doe, "
          "J.</author></authors></contributors><titles><title><style>Statins and "
          "stroke: </style><style face=\"italic\">a trial</style></title><secondary-title>Journal of "
          "Trials</secondary-title></titles>"
          "<dates><year>2019</year></dates><abstract>Strokes were fewer (p &lt; "
          "0.05).</abstract><electronic-resource-num>"
          "10.1000/abc.1</electronic-resource-num></record></records></xml>",
          Format::endnote_xml));
}

TEST(WebOfScience, IsRead) {
  expect_statins(
      one("FN Clarivate\nVR 1.0\nPT J\nAU Muller, A\n   Doe, J\nAF Müller, Anna\n   Doe, J.\nTI Statins and "
          "stroke:\n   a trial\nSO "
          "Journal of Trials\nDT Article\nAB Strokes were fewer (p < 0.05).\nDI 10.1000/abc.1\nPY 2019\nUT "
          "WOS:1\nER\n\nEF\n",
          Format::web_of_science));
}

TEST(Bibtex, ReadsLatexMacrosAndNestedBraces) {
  expect_statins(
      one("@string{jt = \"Journal of\"}\n@comment{x}\n@Article{key, author = {M{\\\"u}ller, Anna and Doe, "
          "J.}, title = \"{Statins} and "
          "stroke: {a} trial\", journal = jt # { Trials}, year = 2019, doi = {10.1000/abc.1}, abstract = "
          "{Strokes were fewer ($p < "
          "0.05$).},\n}\n",
          Format::bibtex));
  EXPECT_EQ(one("@book{k, title={50\\% of \\'{e}t\\'e \\& \\emph{hiver} -- \\O re}}", Format::bibtex).title,
            "50% of été & hiver – Øre");
}

// An entry that ends in the middle: what was there is read, the next one too, and the line is said.
TEST(Bibtex, GoesOnBehindADamagedEntry) {
  const auto read_ = read("@article{a, title={A}, year = }\n@article{b, title={B}}\n@article{c, title={C");
  ASSERT_TRUE(read_);
  ASSERT_GE(read_->references.size(), 2u);
  EXPECT_EQ(read_->references[0].title, "A");
  EXPECT_EQ(read_->references[1].title, "B");
  EXPECT_FALSE(read_->warnings.empty());
}

// Delimiters, quoted line breaks and quotes, columns of several programs.
TEST(Table, IsSniffed) {
  expect_statins(
      one("Key,Item Type,Publication Year,Author,Title,Publication Title,DOI,Abstract "
          "Note\nK1,journalArticle,2019,\"Müller, Anna; Doe, "
          "J.\",Statins and stroke: a trial,Journal of Trials,10.1000/abc.1,\"He said \"\"yes\"\".\nStrokes "
          "were fewer (p < 0.05).\"\n",
          Format::csv));
  expect_statins(
      one("TI;AB;PY;SO;DI;AF\nStatins and stroke: a trial;Strokes were fewer (p < 0.05).;2019;Journal of "
          "Trials;10.1000/abc.1;\"Müller, Anna; Doe, J.\"\n",
          Format::csv));
  expect_statins(
      one("Title\tAbstract\tYear\tSource title\tDOI\tAuthors\nStatins and stroke: a trial\tStrokes were "
          "fewer (p < 0.05).\t2019\tJournal "
          "of Trials\t10.1000/abc.1\tMüller, Anna; Doe, J.\n",
          Format::csv));
}

// Names of columns and ways of writing of single programs.
TEST(Table, HasDialects) {
  // Covidence
  EXPECT_EQ(
      one("Title,Authors,Abstract,Published Year,Covidence #\nA,\"Doe, J.\",B,2019,#12\n", Format::csv).year,
      2019);
  // PubMed
  EXPECT_EQ(
      one("PMID,Title,Authors,Citation,Journal/Book\n123,A,\"Müller A, van der Berg JW, Trial Group.\",x,J\n",
          Format::csv)
          .authors,
      (std::vector<std::string>{"Müller A", "van der Berg JW", "Trial Group"}));
  EXPECT_EQ(one("Title,Authors\nA,\"Doe, John\"\n", Format::csv).authors,
            (std::vector<std::string>{"Doe, John"}));
  // Web of Science and Scopus write the authors twice.
  const Reference r =
      one("Publication Type,Authors,Author Full Names,Article Title,Document Type\nJ,\"Doe, J\",\"Doe, "
          "John\",A,Article; Retracted Publication\n",
          Format::csv);
  EXPECT_EQ(r.authors, (std::vector<std::string>{"Doe, J"}));
  EXPECT_EQ(r.publication_types, (std::vector<std::string>{"Article", "Retracted Publication"}));
}

// What programs write where there is no abstract is none; an abstract may begin like it.
TEST(Table, NoAbstractIsNone) {
  for (const std::string_view none :
       {"[No abstract available]", "No abstract available.", "Abstract not available", "N/A", "nan"})
    EXPECT_EQ(one(std::string("Title,Abstract\nA,") + std::string(none) + "\n", Format::csv).abstract, "")
        << none;
  EXPECT_EQ(one("Title,Abstract\nA,No abstract concept was available to them.\n", Format::csv).abstract,
            "No abstract concept was available to them.");
}

// Embase writes a field in each row if asked to.
TEST(Table, FieldsInRows) {
  const auto read_ = read(
      "\"TITLE\",\"One title\"\n\"AUTHOR NAMES\",\"Liu R.\",\"Adler D.\"\n\"ABSTRACT\",\"One "
      "abstract\"\n\n\"TITLE\",\"Two "
      "title\"\n\"ABSTRACT\",\"Two abstract\"\n");
  ASSERT_TRUE(read_);
  ASSERT_EQ(read_->references.size(), 2u);
  EXPECT_EQ(read_->references[0].authors.size(), 2u);
  EXPECT_EQ(read_->references[1].abstract, "Two abstract");
}

// Columns of nobody's names are asked for by name, and given by options.
TEST(Table, AsksForItsColumns) {
  const std::string_view text = "Titel,Kurzfassung\nA,B\n";
  const auto refused = read(text);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("Kurzfassung"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("--column abstract=NAME"), std::string::npos);
  EXPECT_EQ(one(text, Format::csv, {.columns = {{"abstract", "Kurzfassung"}, {"title", "Titel"}}}).abstract,
            "B");
  EXPECT_FALSE(read(text, {.columns = {{"abstract", "Abstract"}}}));
  EXPECT_FALSE(read(text, {.columns = {{"colour", "Titel"}}}));
}

// A quotation mark that never closes and a row that is too short are warnings with their line.
TEST(Table, SaysWhatIsDamaged) {
  const auto read_ = read("title,abstract,year\nA,B\nC,\"D,2019\nE,F,2020\n");
  ASSERT_TRUE(read_);
  EXPECT_EQ(read_->references.size(), 2u);
  ASSERT_EQ(read_->warnings.size(), 2u);
  EXPECT_EQ(read_->warnings[0].line, 2);
  EXPECT_EQ(read_->warnings[1].line, 3);
}

constexpr std::string_view kPubmed = R"(<?xml version="1.0" ?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_190101.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">123</PMID><Article><Journal><JournalIssue><PubDate><Year>2019</Year>
</PubDate></JournalIssue><Title>Journal of Trials</Title></Journal><ArticleTitle>Statins and <i>stroke</i>: a trial</ArticleTitle>
<Abstract><AbstractText Label="METHODS">We looked.</AbstractText><AbstractText Label="RESULTS">Strokes were fewer (p &lt; 0.05).</AbstractText>
</Abstract><AuthorList><Author><LastName>Müller</LastName><ForeName>Anna</ForeName></Author><Author><LastName>Doe</LastName>
<Initials>J.</Initials></Author></AuthorList><Language>eng</Language><PublicationTypeList><PublicationType>Journal Article</PublicationType>
</PublicationTypeList></Article><CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn"><PMID>999</PMID></CommentsCorrections>
</CommentsCorrectionsList></MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType="doi">10.1000/ABC.1</ArticleId></ArticleIdList>
<ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.9999/other</ArticleId></ArticleIdList></Reference></ReferenceList>
</PubmedData></PubmedArticle></PubmedArticleSet>)";

TEST(Xml, Pubmed) {
  const Reference r = one(kPubmed, Format::pubmed_xml);
  expect_statins(r);
  EXPECT_EQ(r.abstract, "METHODS: We looked. RESULTS: Strokes were fewer (p < 0.05).");
  EXPECT_EQ(r.pmid, "123");
  EXPECT_TRUE(r.retracted);
}

// A chapter is not its book, and editors are not its authors; a whole book is itself.
TEST(Xml, BooksOfPubmed) {
  const std::string book =
      "<PubmedArticleSet><PubmedBookArticle><BookDocument><PMID>7</PMID><Book><BookTitle>Genes</"
      "BookTitle><PubDate><Year>1993</Year>"
      "</PubDate><AuthorList Type=\"editors\"><Author><LastName>Boss</LastName></Author></AuthorList></Book>";
  const std::string rest =
      "<AuthorList "
      "Type=\"authors\"><Author><LastName>Doe</LastName></Author></AuthorList></BookDocument></"
      "PubmedBookArticle>"
      "</PubmedArticleSet>";
  const Reference chapter = one(book + "<ArticleTitle>A gene</ArticleTitle>" + rest, Format::pubmed_xml);
  EXPECT_EQ(chapter.title, "A gene");
  EXPECT_EQ(chapter.journal, "Genes");
  EXPECT_EQ(chapter.authors, std::vector<std::string>{"Doe"});
  EXPECT_EQ(one(book + rest, Format::pubmed_xml).title, "Genes");
}

// References to other publications leave no brackets in an abstract; other brackets stay.
TEST(Xml, JatsWithoutCitations) {
  EXPECT_EQ(one("<article><front><article-meta><title-group><article-title>A</article-title></"
                "title-group><abstract><p>As before "
                "[<xref>1</xref>, <xref>2</xref>], f() and (n = 3) (<xref>4</xref>) "
                "held.</p></abstract></article-meta></front></article>",
                Format::jats)
                .abstract,
            "As before, f and (n = 3) held.");
}

TEST(Xml, Jats) {
  const Reference r = one(
      R"(<article article-type="research-article" xml:lang="en"><front><journal-meta><journal-title-group><journal-title>Journal of Trials</journal-title>
</journal-title-group></journal-meta><article-meta><article-id pub-id-type="pmid">123</article-id><article-id pub-id-type="doi">10.1000/abc.1</article-id>
<title-group><article-title>Statins and <italic>stroke</italic>: a trial</article-title></title-group><contrib-group><contrib contrib-type="author"><name>
<surname>Müller</surname><given-names>Anna</given-names></name></contrib><contrib contrib-type="author"><name><surname>Doe</surname><given-names>J.</given-names>
</name></contrib><contrib contrib-type="editor"><name><surname>Boss</surname><given-names>B.</given-names></name></contrib></contrib-group><pub-date
pub-type="epub"><year>2019</year></pub-date><abstract><sec><title>Methods</title><p>We looked.</p></sec><sec><title>Results</title><p>Strokes were fewer
(p &lt; 0.05).</p></sec></abstract><abstract abstract-type="graphical"><p>Picture.</p></abstract></article-meta></front><body><sec><title>Intro</title>
<p>Body <xref>1</xref>.</p></sec></body><back><ref-list><ref><article-title>Other</article-title><pub-id pub-id-type="doi">10.9999/other</pub-id></ref></ref-list></back></article>)",
      Format::jats);
  expect_statins(r);
  EXPECT_EQ(r.abstract, "Methods: We looked. Results: Strokes were fewer (p < 0.05).");
  EXPECT_EQ(r.language, "en");
}

// A document that ends in the middle gives the records before; one that declares entities (a bomb) is stopped
// there.
TEST(Xml, DamagedAndHostile) {
  std::string text(kPubmed);
  text.resize(text.size() - 60);
  text += "</Wrong>";
  const auto cut = read(text);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->warnings.size(), 1u);
  const auto bomb = read(
      "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
      "\"&a;&a;&a;\">]><PubmedArticleSet><PubmedArticle>&b;</PubmedArticle></PubmedArticleSet>");
  ASSERT_TRUE(bomb);
  EXPECT_TRUE(bomb->references.empty());
  ASSERT_EQ(bomb->warnings.size(), 1u);
  EXPECT_NE(bomb->warnings[0].detail.find("entities"), std::string::npos);
  std::string deep = "<PubmedArticleSet>";
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  EXPECT_EQ(read(deep)->warnings.size(), 1u);
}

TEST(Json, OfSeveralPrograms) {
  expect_statins(one(
      R"([{"type":"article-journal","title":"Statins and stroke: a trial","container-title":"Journal of Trials","DOI":"10.1000/ABC.1",
    "abstract":"<jats:p>Strokes were fewer (p &lt; 0.05).</jats:p>","issued":{"date-parts":[[2019,5]]},"author":[{"family":"Müller","given":"Anna"},
    {"family":"Doe","given":"J."}]}])",
      Format::json));
  expect_statins(one(
      R"([{"key":"K","data":{"title":"Statins and stroke: a trial","abstractNote":"Strokes were fewer (p < 0.05).","date":"2019-05-02",
    "publicationTitle":"Journal of Trials","DOI":"10.1000/abc.1","creators":[{"lastName":"Müller","firstName":"Anna"},{"name":"Doe, J."}]}}])",
      Format::json));
  expect_statins(one(
      R"({"articles":[{"title":"Statins and stroke: a trial","abstract":"Strokes were fewer (p < 0.05).","year":2019,
    "journal":"Journal of Trials","doi":"10.1000/abc.1","authors":["Müller, Anna","Doe, J."]}]})",
      Format::json));
}

// What the public services answer.
TEST(Json, OfServices) {
  // Crossref
  expect_statins(one(
      R"({"status":"ok","message":{"items":[{"DOI":"10.1000/ABC.1","title":["Statins and stroke: a trial"],"container-title":["Journal of Trials"],
    "author":[{"given":"Anna","family":"Müller"},{"given":"J.","family":"Doe"}],"issued":{"date-parts":[[2019,1]]},
    "abstract":"<jats:title>Abstract</jats:title><jats:p>Strokes were fewer (p &lt; 0.05).</jats:p>"}]}})",
      Format::json));
  // Europe PMC
  const Reference europe = one(
      R"({"hitCount":1,"resultList":{"result":[{"id":"123","source":"MED","pmid":"123","doi":"10.1000/abc.1","title":"A","authorString":"Müller A, Doe J.",
    "journalInfo":{"journal":{"title":"Journal of Trials"}},"pubYear":"2019","pubTypeList":{"pubType":["Journal Article"]}}]}})",
      Format::json);
  EXPECT_EQ(europe.journal, "Journal of Trials");
  EXPECT_EQ(europe.authors, (std::vector<std::string>{"Müller A", "Doe J"}));
  EXPECT_EQ(europe.publication_types, std::vector<std::string>{"Journal Article"});
  // OpenAlex
  const Reference open = one(
      R"({"results":[{"id":"W1","doi":"https://doi.org/10.1000/abc.1","title":"A","publication_year":2019,"is_retracted":true,
    "ids":{"pmid":"https://pubmed.ncbi.nlm.nih.gov/123"},"authorships":[{"author":{"display_name":"Anna Müller"}}],
    "primary_location":{"source":{"display_name":"Journal of Trials"}},"abstract_inverted_index":{"were":[1],"Strokes":[0],"fewer":[2]}}]})",
      Format::json);
  EXPECT_EQ(open.abstract, "Strokes were fewer");
  EXPECT_EQ(open.pmid, "123");
  EXPECT_EQ(open.journal, "Journal of Trials");
  EXPECT_EQ(open.authors, std::vector<std::string>{"Anna Müller"});
  EXPECT_TRUE(open.retracted);
  // Semantic Scholar
  const Reference scholar = one(
      R"({"data":[{"paperId":"x","externalIds":{"DOI":"10.1000/abc.1","PubMed":"123"},"title":"A","venue":"Journal of Trials","authors":[{"name":"J. Doe"}]}]})",
      Format::json);
  EXPECT_EQ(scholar.pmid, "123");
  EXPECT_EQ(scholar.doi, "10.1000/abc.1");
  EXPECT_EQ(scholar.journal, "Journal of Trials");
  // Zotero has editors beside the authors; CSL a date as it was written, and parts of names.
  EXPECT_EQ(
      one(R"([{"data":{"title":"A","creators":[{"creatorType":"editor","lastName":"Boss"},{"creatorType":"author","lastName":"Doe"}]}}])",
          Format::json)
          .authors,
      std::vector<std::string>{"Doe"});
  const Reference csl = one(
      R"([{"title":"A","issued":{"raw":"2018-05"},"author":[{"family":"Berg","given":"J.","non-dropping-particle":"van der"}]}])",
      Format::json);
  EXPECT_EQ(csl.year, 2018);
  EXPECT_EQ(csl.authors, std::vector<std::string>{"van der Berg, J."});
}

// A word may be said to stand anywhere any number of times: the text stays bounded.
TEST(Json, AnInvertedAbstractIsBounded) {
  std::string places;
  for (int i = 0; i < 20'000; ++i) places += (i > 0 ? "," : "") + std::to_string(i);
  const Reference r =
      one(R"([{"title":"A","abstract_inverted_index":{")" + std::string(1000, 'a') + "\":[" + places + "]}}]",
          Format::json);
  EXPECT_GT(r.abstract.size(), 1000u);
  EXPECT_LE(r.abstract.size(), 2u << 20);
}

// A line that is no JSON is a warning, the others are read.
TEST(Json, Lines) {
  const auto read_ = read("{\"title\":\"A\"}\n{\"title\":\n{\"title\":\"B\"}\n\n[1]\n");
  ASSERT_TRUE(read_);
  EXPECT_EQ(read_->formats[0], Format::json_lines);
  EXPECT_EQ(read_->references.size(), 2u);
  ASSERT_EQ(read_->warnings.size(), 2u);
  EXPECT_EQ(read_->warnings[0].line, 2);
  EXPECT_EQ(read_->references[1].line, 3);
}

// A text that is no export, and none at all: what it is seen to be, and what to do.
TEST(Unknown, IsSaid) {
  for (const std::string_view text :
       {"", " \n", "1. J Trials. 2019 May 2;3(1):1-9. doi: 10.1000/abc.\n\nStatins and stroke.\n",
        "%PDF-1.7\n\x01\x02", "Just a sentence.", "<html><body>Log in</body></html>", "{\"error\":1}"}) {
    const auto read_ = read(text);
    ASSERT_FALSE(read_) << text;
    EXPECT_EQ(read_.error().code, Code::invalid_argument);
  }
}

// Markup goes, comparisons stay.
TEST(Text, IsClean) {
  EXPECT_EQ(one("TY  - JOUR\nTI  - H<sub>2</sub>O &amp; <i>E. coli</i>: p<0.05 and n>3, "
                "&#946;-blockers&nbsp;&lt;5\nER  -\n",
                Format::ris)
                .title,
            "H2O & E. coli: p<0.05 and n>3, β-blockers <5");
}

// Identifiers are the same however they are written; numbers that are none are not taken for them.
TEST(Identifiers, AreNormalised) {
  const auto doi = [](std::string text) {
    return one("TY  - JOUR\nTI  - A\nDO  - " + text + "\nER  -\n", Format::ris).doi;
  };
  EXPECT_EQ(doi("https://doi.org/10.1000%2FXyz(1)."), "10.1000/xyz(1)");
  EXPECT_EQ(doi("doi:10.1000/xyz [doi]"), "10.1000/xyz");
  EXPECT_EQ(doi("210.1000/xyz"), "");
  EXPECT_EQ(doi("n/a"), "");
  const auto year = [](std::string text) {
    return one("TY  - JOUR\nTI  - A\nPY  - " + text + "\nER  -\n", Format::ris).year;
  };
  EXPECT_EQ(year("20190502"), 2019);
  EXPECT_EQ(year("Spring 2019"), 2019);
  EXPECT_EQ(year("in press"), std::nullopt);
}

// A journal marks a paper that it withdraws in its title.
TEST(Retraction, IsSeenInTitlesAndTypes) {
  EXPECT_TRUE(one("TY  - JOUR\nTI  - RETRACTED: Statins\nER  -\n", Format::ris).retracted);
  EXPECT_TRUE(one("TY  - JOUR\nTI  - Statins\nM3  - Retracted\nER  -\n", Format::ris).retracted);
  EXPECT_FALSE(one("TY  - JOUR\nTI  - Retraction: Statins\nER  -\n", Format::ris).retracted);
  EXPECT_FALSE(one("TY  - JOUR\nTI  - Retraction of the eyelid\nER  -\n", Format::ris).retracted);
}

}  // namespace
}  // namespace medsynth::references
