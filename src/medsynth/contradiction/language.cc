#include "medsynth/contradiction/language.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

namespace medsynth::contradiction {
namespace {

struct Words {
  std::string_view language, words;
};

// As tokens are folded: Latin letters of western languages without accents. A word in several rows counts for
// each; what is an English word too stands in the English row as well, if it is frequent in such texts.
constexpr std::array<Words, kLanguages> kWords{{
    {"English",
     "the of and to in is was with for that not no were are by on from as or an at be has had have this it "
     "its "
     "than but who which did does do may can could should will would there these those their after before "
     "during among between without into more less most all any both other such when while if patients "
     "patient "
     "reduces reduced reduce increases increased increase decreases decreased improves improved improve "
     "causes "
     "caused cause prevents prevented prevent effective effect effects risk treatment treated study trial "
     "associated significantly higher lower compared disease pain fever children women men denies reports "
     "showed shows found he she his her we they a i die non war hat plus per as me so on"},
    {"German",
     "der die das den dem des ein eine einen einem einer eines und oder nicht kein keine keinen ist sind war "
     "waren wird werden wurde wurden hat haben hatte hatten bei mit von vom zu zum zur fur auf aus nach "
     "durch "
     "uber als auch sich im am dass daß ohne gegen kann konnen zeigt patienten senkt senken erhoht erhohen "
     "verringert vermindert reduziert verbessert verbessern verursacht wirkt wirksam hilft schutzt "
     "verhindert "
     "risiko behandlung erkrankung krankheit schmerzen fieber studie studien impfung kinder frauen manner "
     "blutdruck schlaganfall herzinfarkt nebenwirkungen sterblichkeit wirkung husten er sie es ihr"},
    {"French",
     "le la les un une des du de et ou est sont etait etaient ne pas dans avec sur pour par sans chez qui "
     "que "
     "ce cette ces aux au n'est n'a n'ont n'augmente n'ameliore il elle ils reduit reduisent diminue "
     "augmente "
     "ameliore provoque risque risques traitement maladie douleur douleurs fievre etude etudes enfants "
     "femmes "
     "hommes vaccin efficace mortalite essai ete a"},
    {"Spanish",
     "el la los las un una unos unas de del y en con por para que no es son fue fueron se su sus al como mas "
     "sin entre reduce reducen aumenta aumentan disminuye mejora causa previene riesgo tratamiento "
     "enfermedad "
     "dolor fiebre estudio pacientes paciente ninos mujeres hombres vacuna eficaz mortalidad tiene presenta"},
    {"Italian",
     "il lo la gli le un una uno di del della dei delle degli che non in con per e sono era nel nella da dal "
     "riduce riducono aumenta diminuisce migliora provoca rischio trattamento malattia dolore febbre studio "
     "pazienti paziente bambini donne uomini vaccino efficace mortalita ha hanno piu"},
    {"Portuguese",
     "o os as um uma do da dos das de e em no na nos nas com por para que nao se ao reduz reduzem aumenta "
     "diminui melhora causa previne risco tratamento doenca dor febre estudo pacientes paciente criancas "
     "mulheres homens vacina eficaz mortalidade tem sao foi foram"},
    {"Dutch",
     "de het een en van in op te niet geen is zijn werd werden wordt worden met voor aan bij door dat die "
     "ook "
     "naar uit verlaagt verhoogt vermindert verbetert veroorzaakt voorkomt risico behandeling ziekte pijn "
     "koorts onderzoek patienten kinderen vrouwen mannen sterfte beroerte heeft hebben werkt"},
    {"Polish",
     "nie jest są sa w z na do dla przez oraz lub się sie był była było że od po ma u zmniejsza zwiększa "
     "obniża poprawia powoduje zapobiega ryzyko ryzyka leczenie leczenia choroba choroby ból bol gorączka "
     "goraczki gorączki badanie pacjentów pacjentow pacjenci pacjent dzieci kobiet mężczyzn szczepionka "
     "skuteczna udaru śmiertelność"},
    {"a Scandinavian language",
     "och att det som inte ar är av for for pa på med er ikke og til den de en et i hos ej men minskar okar "
     "reducerer reduserer øker oker forbedrer risken risikoen behandling sygdom sjukdom smerter feber "
     "patienter pasienter barn kvinner kvinder"},
    {"Czech",
     "je se na ze že není neni snižuje zvyšuje zvysuje zlepšuje způsobuje riziko rizika léčba lecba nemoc "
     "bolest horečka pacientů pacienti deti dětí žen mužů nebo pro při v s"},
    {"Turkish",
     "ve bir bu için icin ile değil degil azaltır azaltir azaltmaz artırır artirir riskini tedavi hastalık "
     "hastalar hasta ağrı ates ateş çocuk cocuk kadın etkili da"},
    {"Romanian",
     "nu si și este sunt cu pentru din prin care la pe reduce creste crește riscul tratamentul boala durerea "
     "febra pacienti pacienți pacienții copii femei barbati"},
    {"Hungarian",
     "az és es nem hogy a csökkenti csokkenti növeli noveli kockázatát kockazatat kezelés betegség fájdalom "
     "láz betegek gyermekek nők van"},
    {"Finnish",
     "ja ei on se että etta eivät vähentää vahentaa lisää lisaa riskiä riskia hoito sairaus kipu kuume "
     "potilaat potilailla lapset naiset"},
    {"Indonesian or Malay",
     "yang dan tidak dengan untuk pada dari ini itu mengurangi meningkatkan menurunkan risiko pengobatan "
     "penyakit nyeri demam pasien anak wanita adalah"},
    {"Vietnamese",
     "không khong là va và của cua giảm tăng nguy cơ bệnh điều trị đau sốt nhân trẻ phụ nữ co có"},
    {"Latin", "et est non cum ad ex sine sunt quod vel autem enim per ut"},
}};

// Endings that make a word count when nothing English has been met.
struct Ending {
  std::string_view text;
  std::size_t language;
};
constexpr std::array kEndings{
    Ending{"ung", 1},  Ending{"ungen", 1},  Ending{"keit", 1},  Ending{"heit", 1},  Ending{"ierte", 1},
    Ending{"cion", 3}, Ending{"ciones", 3}, Ending{"idad", 3},  Ending{"zione", 4}, Ending{"zioni", 4},
    Ending{"cao", 5},  Ending{"coes", 5},   Ending{"idade", 5}, Ending{"ość", 7},   Ending{"ości", 7},
};
constexpr std::string_view kOtherScript = "a language in another script";

using Votes = std::uint32_t;  // a bit for each language

const std::unordered_map<std::string_view, Votes>& known_words() {
  static const auto* const known = [] {
    auto* const map = new std::unordered_map<std::string_view, Votes>;
    for (std::size_t language = 0; language < kLanguages; ++language)
      for (std::string_view rest = kWords[language].words; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        (*map)[rest.substr(0, end)] |= Votes{1} << language;
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    return map;
  }();
  return *known;
}

// "l'aspirine", "d'un", "qu'il", "n'a"; not "don't" or "patient's".
bool is_elided(std::string_view word) {
  const std::size_t mark = word.find('\'');
  return mark != word.npos && mark + 3 < word.size() &&
         (mark == 1 ? std::string_view("ldnsjcm").find(word[0]) != std::string_view::npos
                    : word.starts_with("qu'") || word.starts_with("dell'") || word.starts_with("nell'") ||
                          word.starts_with("all'"));
}

struct Letters {
  std::size_t latin = 0, other = 0;
};

// Letters of a folded word by script; Greek ones name things in English ("TNF-α"), three of them are Greek.
Letters letters_of(std::string_view word) {
  Letters out;
  std::size_t greek = 0;
  for (std::size_t at = 0; at < word.size(); ++at) {
    const auto byte = static_cast<unsigned char>(word[at]);
    if (byte < 0x80) {
      out.latin += (byte >= 'a' && byte <= 'z') ? 1U : 0U;
    } else if (byte >= 0xE0) {  // three bytes and more: Asia, and Vietnamese (U+1E00..)
      constexpr std::size_t kSyllable = 3;
      out.other += byte == 0xE1 && at + 1 < word.size() && static_cast<unsigned char>(word[at + 1]) >= 0xB8
                       ? 0U
                       : kSyllable;
    } else if (byte >= 0xCE && byte <= 0xCF) {
      ++greek;
    } else if (byte >= 0xD0) {  // Cyrillic, Hebrew, Arabic
      ++out.other;
    } else if (byte >= 0xC0) {
      ++out.latin;
    }
  }
  if (greek >= 3) out.other += greek;
  return out;
}

}  // namespace

void LanguageVotes::add(const std::vector<Token>& sentence) {
  const auto& known = known_words();
  for (const Token& token : sentence) {
    if (token.kind != TokenKind::word) continue;
    const bool ascii = token.span.end - token.span.begin == token.text.size() &&
                       std::all_of(token.text.begin(), token.text.end(),
                                   [](char letter) { return static_cast<unsigned char>(letter) < 0x80; });
    if (ascii) {
      latin_ += token.text.size();
    } else {
      const Letters letters = letters_of(token.text);
      latin_ += letters.latin;
      foreign_script_ += letters.other;
    }
    if (is_elided(token.text)) ++words_[2], ++own_[2];
    const auto found = known.find(token.text);
    if (found != known.end() && !token.capitals) {  // "DE", "LA" are abbreviations
      for (std::size_t language = 0; language < kLanguages; ++language)
        if (((found->second >> language) & 1U) != 0) {
          ++words_[language];
          own_[language] += (found->second & 1U) != 0 ? 0U : 1U;
          accented_[language] += ascii ? 0U : 1U;
        }
      continue;
    }
    for (const Ending& ending : kEndings)
      if (token.text.size() > ending.text.size() + 3 && token.text.ends_with(ending.text))
        ++accented_[ending.language];
  }
}

std::string_view LanguageVotes::other() const {
  if (foreign_script_ > 2 && 3 * foreign_script_ > latin_) return kOtherScript;
  std::size_t best = 1;
  for (std::size_t language = 2; language < kLanguages; ++language)
    if (words_[language] + accented_[language] > words_[best] + accented_[best]) best = language;
  const std::size_t english = words_[0], own = own_[best];
  if (own >= 2 && words_[best] > english) return kWords[best].language;
  return english == 0 && own + accented_[best] >= 2 ? kWords[best].language : std::string_view();
}

bool is_english(std::string_view text) {
  constexpr std::size_t kLooked = 8000;
  text = text.substr(0, kLooked);
  LanguageVotes votes;
  for (const Span& sentence : sentences(text)) votes.add(tokens(text, sentence));
  return votes.other().empty();
}

}  // namespace medsynth::contradiction
