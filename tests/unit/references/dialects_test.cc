// What programs write that is not in the description of their format: one small record for each habit.
#include <ostream>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "medsynth/references/references.h"

namespace medsynth::references {
namespace {

struct Habit {
  const char* name;
  std::string_view text;
  std::string_view
      read;  // a line for each record: title|year|journal|authors|doi|pmid|abstract|R if retracted
  int warnings = 0;
};

void PrintTo(const Habit& each, std::ostream* out) {
  *out << each.name;
}

std::string written(const Reference& each) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}\n", each.title, each.year ? std::to_string(*each.year) : "",
                     each.journal, fmt::join(each.authors, "; "), each.doi, each.pmid, each.abstract,
                     each.retracted ? "R" : "");
}

constexpr Habit kHabits[] = {
    // Tables.
    {"PubmedTable",
     "PMID,Title,Authors,Citation,First Author,Journal/Book,Publication Year,Create Date,PMCID,NIHMS ID,DOI\n"
     "123456,Statins.,\"Doe J, van den Berg AB, Roe RL Jr, Trial Group.\",J Tri. 2019 May;1(2):3-4.,Doe J,J "
     "Tri,2019,"
     "2019/05/02,,,10.1000/a\n",
     "Statins.|2019|J Tri|Doe J; van den Berg AB; Roe RL Jr; Trial Group|10.1000/a|123456||\n"},
    {"ScopusTable",
     "\xEF\xBB\xBF\"Authors\",\"Author full names\",\"Author(s) ID\",\"Title\",\"Year\",\"Source "
     "title\",\"DOI\",\"Abstract\","
     "\"PubMed ID\",\"Document Type\",\"Source\",\"EID\"\n\"Doe J.; Roe R.\",\"Doe, Jane (5720); Roe, Rita "
     "(5721)\","
     "\"5720; 5721\",\"Statins\",\"2019\",\"Journal of Trials\",\"10.1000/A\",\"[No abstract "
     "available]\",\"31421429\","
     "\"Article\",\"Scopus\",\"2-s2.0-1\"\n",
     "Statins|2019|Journal of Trials|Doe J.; Roe R.|10.1000/a|31421429||\n"},
    {"AuthorsWithTheirNumbers",
     "Title,Author full names\nStatins,\"Doe, Jane (57200000001); Roe, Rita (57200000002)\"\n",
     "Statins|||Doe, Jane; Roe, Rita||||\n"},
    {"WebOfScienceTable",
     "PT\tAU\tAF\tTI\tSO\tDT\tAB\tPY\tDI\tUT\tPM\nJ\tDoe, J; Roe, R\tDoe, Jane; Roe, Rita\tStatins "
     "(Retracted article. See "
     "vol. 9, pg. 1, 2020)\tJ TRIALS\tArticle\tFewer.\t2019\t10.1000/a\tWOS:1\t123456\t\n",
     "Statins (Retracted article. See vol. 9, pg. 1, 2020)|2019|J TRIALS|Doe, J; Roe, "
     "R|10.1000/a|123456|Fewer.|R\n"},
    {"CovidenceTable",
     "Title,Authors,Abstract,Published Year,Published Month,Journal,Accession Number,DOI,Ref,Covidence "
     "#,Study,Notes,Tags\n"
     "Statins,\"Doe, J.; Roe, R.\",Fewer.,2019,May,J Tri,1,10.1000/a,,#12,Doe 2019,,\n",
     "Statins|2019|J Tri|Doe, J.; Roe, R.|10.1000/a||Fewer.|\n"},
    {"NameOfThePublication", "Publication Name,Article Title,Publication Year\nJ Tri,Statins,2019\n",
     "Statins|2019|J Tri|||||\n"},
    {"SeparatorLineOfExcel", "sep=;\r\nTitle;Abstract\r\nStatins;Fewer.\r\n", "Statins||||||Fewer.|\n"},
    // RIS.
    {"OvidNumbersItsRecords", "1. \nTY  - JOUR\nTI  - A\nER  - \n\n2. \nTY  - JOUR\nTI  - B\nER  - \n",
     "A|||||||\nB|||||||\n"},
    {"CochraneHeadsItsRecords",
     "Record #1 of 2\nProvider: John Wiley\nContent: text/plain; charset=\"UTF-8\"\n\nTY  - JOUR\nAN  - "
     "CN-1\nTI  - A\n"
     "C3  - PUBMED 31421429,EMBASE 629000000\nER  - \n\nRecord #2 of 2\nTY  - JOUR\nTI  - B\nER  - \n",
     "A|||||31421429||\nB|||||||\n"},
    {"FilesPutTogether", "\xEF\xBB\xBFTY  - JOUR\nTI  - A\nER  - \n\xEF\xBB\xBFTY  - JOUR\nTI  - B\nER  - \n",
     "A|||||||\nB|||||||\n"},
    {"BookInItsOldTag", "TY  - BOOK\nBT  - Statins\nPY  - 2019\nER  - \n", "Statins|2019||||||\n"},
    {"NoAbstract", "TY  - JOUR\nTI  - A\nAB  - No abstract available.\nER  - \n", "A|||||||\n"},
    {"RetractedInBrackets", "TY  - JOUR\nTI  - A trial of statins [Retracted]\nER  - \n",
     "A trial of statins [Retracted]|||||||R\n"},
    {"TitleAboutRetractions", "TY  - JOUR\nTI  - Retracted publications in oncology\nER  - \n",
     "Retracted publications in oncology|||||||\n"},
    // MEDLINE.
    {"EmptyLineInAnAbstract", "PMID- 1\nTI  - A\nAB  - One.\n\n      Two.\nDP  - 2019\n\nPMID- 2\nTI  - B\n",
     "A|2019||||1|One. Two.|\nB|||||2||\n"},
    {"OtherAbstract", "PMID- 1\nTI  - A\nOAB - Publisher: Fewer.\n", "A|||||1|Publisher: Fewer.|\n"},
    {"NoticeWithTheTitleOfThePaper", "PMID- 1\nTI  - Retracted: Statins\nPT  - Retraction of Publication\n",
     "Retracted: Statins|||||1||\n"},
    // EndNote.
    {"EmptyLineBeforeATag", "%0 Journal Article\n%T A\n%X One.\n\n%R 10.1000/a\n\n%0 Journal Article\n%T B\n",
     "A||||10.1000/a||One.|\nB|||||||\n"},
    {"NotesOfEndnote",
     "<xml><records><record><titles><title>A</title></titles><notes>PMID: "
     "123456</notes></record></records></xml>",
     "A|||||123456||\n"},
    {"ProviderOfEndnote",
     "<xml><records><record><titles><title>A</title></titles><accession-num>123456</accession-num>"
     "<remote-database-provider>NLM</remote-database-provider></record></records></xml>",
     "A|||||123456||\n"},
    // XML.
    {"PubmedBook",
     "<PubmedArticleSet><PubmedBookArticle><BookDocument><PMID>5</PMID><Book><BookTitle>Handbook</"
     "BookTitle><PubDate><Year>2019</Year>"
     "</PubDate><AuthorList "
     "Type=\"editors\"><Author><LastName>Boss</LastName><ForeName>B</ForeName></Author></AuthorList></Book>"
     "<ArticleTitle>Statins</ArticleTitle><AuthorList "
     "Type=\"authors\"><Author><LastName>Doe</LastName><ForeName>Jane</ForeName>"
     "</Author></AuthorList><Abstract><AbstractText>Fewer.</AbstractText></Abstract></BookDocument></"
     "PubmedBookArticle>"
     "<PubmedBookArticle><BookDocument><PMID>6</PMID><Book><BookTitle>Manual</BookTitle></Book></"
     "BookDocument></PubmedBookArticle>"
     "</PubmedArticleSet>",
     "Statins|2019|Handbook|Doe, Jane||5|Fewer.|\nManual|||||6||\n"},
    {"OldMedlineSet",
     "<MedlineCitationSet><MedlineCitation><PMID>5</PMID><Article><ArticleTitle>A</ArticleTitle></Article></"
     "MedlineCitation>"
     "</MedlineCitationSet>",
     "A|||||5||\n"},
    {"Latin1WithItsDeclaration",
     "<?xml version=\"1.0\" "
     "encoding=\"ISO-8859-1\"?><PubmedArticleSet><PubmedArticle><MedlineCitation><Article><ArticleTitle>"
     "M\xFCller</ArticleTitle></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>",
     "Müller|||||||\n"},
    {"LinesBeforeTheDeclaration",
     "\n\n<?xml "
     "version=\"1.0\"?><PubmedArticleSet><PubmedArticle><MedlineCitation><Article><ArticleTitle>A</"
     "ArticleTitle>"
     "</Article></MedlineCitation></PubmedArticle></PubmedArticleSet>",
     "A|||||||\n"},
    {"JatsOfManyKinds",
     "<!DOCTYPE article PUBLIC \"-//NLM//DTD JATS\" \"x.dtd\"><article\n "
     "article-type=\"research-article\"><front><article-meta>"
     "<title-group><article-title>A<xref "
     "ref-type=\"fn\">*</xref><break/>trial</article-title></title-group><related-article "
     "related-article-type=\"retraction-forward\"/><abstract><sec><title>Background:</title><p>One "
     "<inline-formula><alternatives><tex-math>x</tex-math><math><mi>p</mi><mo>&lt;</mo><mn>0.05</mn></math></"
     "alternatives>"
     "</inline-formula> at "
     "<uri>x.org</uri>.</p></sec><sec><title>Main.</title><sec><title>Aims</title><p>Two.</p></sec>"
     "</sec></abstract></article-meta></front></article>",
     "A trial||||||Background: One p<0.05 at x.org. Main. Aims: Two.|R\n"},
    {"JatsAbstractOfAType",
     "<article><front><article-meta><title-group><article-title>A</article-title></title-group><abstract "
     "abstract-type=\"graphical\">"
     "<p>Picture.</p></abstract><abstract "
     "abstract-type=\"structured\"><p>Fewer.</p></abstract></article-meta></front></article>",
     "A||||||Fewer.|\n"},
    // BibTeX.
    {"AuthorsOnTheirOwnLines",
     "@article{k,\n  author = {Doe, Jane and\n            Roe, Rita\n            and {Trials and Errors "
     "Group}},\n  title = {A}\n}\n",
     "A|||Doe, Jane; Roe, Rita; Trials and Errors Group||||\n"},
    {"KeyIsAnAddress",
     "@article{https://doi.org/10.1002/(SICI)1097-0258(19980815)17:15<1661::AID>3.0.CO;2-2,\ntitle={A}}\n",
     "A|||||||\n"},
    {"NoKey", "@article{\n title = {A},\n year = {2019}\n}\n", "A|2019||||||\n"},
    {"SpacesAndSigns",
     "@article{k, title={10\\,mg {$\\chi^{2}$} at 5\\;\\% of hyphen\\-ation, $\\sigma \\approx 3$ "
     "\\(x\\)}}\n",
     "10 mg χ^2 at 5 % of hyphenation, σ≈3 x|||||||\n"},
    {"Biblatex",
     "@article{k, title={A}, subtitle={a trial}, journaltitle={J Tri}, date={2019-05-02}, eprint={123456}, "
     "eprinttype={pubmed}}\n",
     "A: a trial|2019|J Tri|||123456||\n"},
    // JSON.
    {"DatesAsText",
     R"([{"title":"A","issued":{"raw":"2019-05-02"}},{"title":"B","issued":{"literal":"May 2018"}}])",
     "A|2019||||||\nB|2018||||||\n"},
    {"CatalogueOfCsl",
     R"([{"type":"book","title":"A","source":"PubMed","issued":{"date-parts":[["2019",5]]},"author":[{"family":"Berg","given":"Anna","non-dropping-particle":"van den"}]}])",
     "A|2019||van den Berg, Anna||||\n"},
    {"AnswerOfCrossref", R"({"status":"ok","message":{"items":[{"title":["A"],"DOI":"10.1000/a"}]}})",
     "A||||10.1000/a|||\n"},
    {"AnswerOfEuropePmc",
     R"({"resultList":{"result":[{"pmid":"123456","title":"A","authorString":"Doe J, Roe R.","pubYear":"2019","abstractText":"Fewer."}]}})",
     "A|2019||Doe J; Roe R||123456|Fewer.|\n"},
    // Encodings.
    {"OneLineInAnotherEncoding", "TY  - JOUR\nTI  - M\xFCller\nAU  - M\xC3\xBCller, A\nER  - \n",
     "Müller|||Müller, A||||\n"},
    // Nothing in it: said.
    {"HeadOfATableAlone", "Title,Abstract\n", "", 1},
    {"EmptyList", "[]", "", 1},
};

class Habits : public testing::TestWithParam<Habit> {};

TEST_P(Habits, AreRead) {
  const auto found = read(GetParam().text);
  ASSERT_TRUE(found) << found.error().message;
  std::string all;
  for (const Reference& each : found->references) all += written(each);
  EXPECT_EQ(all, GetParam().read);
  EXPECT_EQ(found->warnings.size(), static_cast<std::size_t>(GetParam().warnings));
  for (const Warning& each : found->warnings)
    if (GetParam().warnings == 0) ADD_FAILURE() << each.line << ": " << each.detail;
}

INSTANTIATE_TEST_SUITE_P(All, Habits, testing::ValuesIn(kHabits),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace medsynth::references
