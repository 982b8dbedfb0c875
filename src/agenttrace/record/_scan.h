/* look_through(text): one pass over a text that says what could be a secret there.
 *
 * The same in Python stands in record/look.py, and is used where this could not be built. Both must report whatever the
 * patterns of record/patterns.py and record/assignments.py match: property tests hold that. Include Python.h before.
 */
#include <string.h>

/* The numbers of record/secretwords.py. */
enum { FORM = 1, QUOTED = 2, COLON = 4, EQUALS = 8, ESCAPE = 16 };

/* Signs: the bytes that there may be something to do about. Some only before certain others, as letters are too many:
 * FIRST_B before what has 5 or 14 as its lower half ("be", "b."), FIRST_P before 9 ("pi"), FIRST_S before 14 ("s."). Of
 * "s" there are so many that where bytes are looked at one by one the dot behind it is the sign instead. */
enum { SIGN = 1, FIRST_B = 32, FIRST_S = 64, FIRST_P = 128, ALONE = 31 };

#define S SIGN
static const unsigned char kinds[256] = {
    S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
    ['2'] = S, ['3'] = S, ['4'] = S, ['5'] = S, ['6'] = S, ['-'] = S, ['_'] = S, [':'] = S, ['='] = S, ['"'] = S,
    ['\\'] = S, ['@'] = S, ['['] = S, ['A'] = S, ['B'] = S, ['G'] = S, ['J'] = S, ['K'] = S,
    ['b'] = FIRST_B, ['p'] = FIRST_P, ['.'] = S,
};
#undef S

/* Which of them are signs before a byte, by its lower half. */
static const unsigned char before[16] = {
    ALONE, ALONE, ALONE, ALONE, ALONE, ALONE | FIRST_B, ALONE, ALONE, ALONE, ALONE | FIRST_P, ALONE, ALONE, ALONE,
    ALONE, ALONE | FIRST_B | FIRST_S, ALONE,
};

#define LONGEST_NAME 256

/* Kept out of the loops, which are faster the less is in them. */
#ifdef __GNUC__
#define OF_ITS_OWN __attribute__((noinline))
#else
#define OF_ITS_OWN
#endif
#define LONGEST_USER 1024

typedef struct {
    const char *start, *end;
    int at, url; /* seen: an @, a :// */
} Text;

static inline int begins(const Text *text, const char *p, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(text->end - p) >= length && memcmp(p, word, length) == 0;
}

static inline int ends(const Text *text, const char *p, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(p - text->start) >= length && memcmp(p - length, word, length) == 0;
}

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* Whether the lower-case word stands at p, in whatever case. */
static int spells(const char *p, const char *end, const char *word)
{
    for (; *word != 0; p++, word++) {
        if (p >= end || (*p | 0x20) != *word) {
            return 0;
        }
    }
    return 1;
}

/* Whether a name from p to end holds a part without which it is no secret's name: see record/secretwords.py. */
static int may_name_secret(const char *p, const char *end)
{
    for (; p < end; p++) {
        switch (*p | 0x20) {
        case 'a':
            if (spells(p, end, "auth")) {
                return 1;
            }
            break;
        case 'b':
            if (spells(p, end, "bearer")) {
                return 1;
            }
            break;
        case 'c':
            if (spells(p, end, "cred") || spells(p, end, "cookie") || spells(p, end, "cvv") || spells(p, end, "cvc")) {
                return 1;
            }
            break;
        case 'k':
            if (spells(p, end, "key")) {
                return 1;
            }
            break;
        case 'p':
            if (spells(p, end, "pass") || spells(p, end, "pwd")) {
                return 1;
            }
            break;
        case 's':
            if (spells(p, end, "secret") || spells(p, end, "ssn")) {
                return 1;
            }
            break;
        case 't':
            if (spells(p, end, "token")) {
                return 1;
            }
            break;
        }
    }
    return 0;
}

/* Whether what stands in quotes before p, where the closing one is, may name a secret. */
static int quotes_secret(const Text *text, const char *p)
{
    const char *from = p;
    while (from > text->start && from[-1] != '"') {
        if (p - --from > LONGEST_NAME) {
            return 1;
        }
    }
    return may_name_secret(from, p);
}

/* Whether the word before p, and what may stand between the two, may name a secret. */
static int follows_secret(const Text *text, const char *p)
{
    const char *from = p;
    while (from > text->start && from[-1] != 0 && strchr(" \t\"'`\\*]", from[-1]) != NULL) {
        from--;
    }
    const char *end = from;
    while (from > text->start && is_name(from[-1])) {
        from--;
    }
    return may_name_secret(from, end);
}

/* Whether a text in quotes that begins at p may name a secret: a header, as the first of a pair or beside a value. */
static int begins_secret(const Text *text, const char *p)
{
    if (p >= text->end || *p != '"') {
        return 0;
    }
    const char *end = memchr(p + 1, '"', (size_t)(text->end - p - 1));
    return end != NULL && may_name_secret(p + 1, end - p > LONGEST_NAME ? p + LONGEST_NAME : end);
}

/* Whether p points at `count` characters that tokens are made of. */
static int is_token(const Text *text, const char *p, int count, const char *others)
{
    if (text->end - p < count) {
        return 0;
    }
    for (; count > 0; count--, p++) {
        if (!is_name(*p) && (*p == 0 || strchr(others, *p) == NULL)) {
            return 0;
        }
    }
    return 1;
}

static int is_hex(const Text *text, const char *p, int count)
{
    if (text->end - p < count) {
        return 0;
    }
    for (; count > 0; count--, p++) {
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'))) {
            return 0;
        }
    }
    return 1;
}

static int is_webhook(const Text *text, const char *p)
{
    if (begins(text, p, "hooks.slack.com/")) {
        return 1;
    }
    p += begins(text, p, "ptb.") ? 4 : begins(text, p, "canary.") ? 7 : 0;
    return begins(text, p, "discord.com/api/") || begins(text, p, "discordapp.com/api/");
}

/* Whether a webhook's address stands behind the colon at p, or a Telegram bot's number before it and its token behind. */
static int is_bot(Text *text, const char *p)
{
    if (begins(text, p + 1, "//")) {
        text->url = 1;
        return is_webhook(text, p + 3);
    }
    return begins(text, p + 1, "AA") && is_token(text, p + 3, 33, "");
}

static int look_at_colon(Text *text, const char *p)
{
    if (is_bot(text, p)) {
        return FORM;
    }
    if (p == text->start || p[-1] != '"') {
        return follows_secret(text, p) ? COLON : 0;
    }
    int labels = ends(text, p, "name\"") || ends(text, p, "key\"") || ends(text, p, "header\"");
    int secret = quotes_secret(text, p - 1) || follows_secret(text, p) || (labels && begins_secret(text, p + 1));
    return secret ? QUOTED : 0;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether p is in the middle of a number: behind its first digit, or behind its point. After `\u0034` one may begin. */
static int is_inside(const Text *text, const char *p)
{
    if (p == text->start || !(is_digit(p[-1]) || (p[-1] == '.' && p - text->start > 1 && is_digit(p[-2])))) {
        return 0;
    }
    return p - text->start < 6 || p[-6] != '\\';
}

/* Whether 13 digits begin at p, with single blanks or dashes between them. */
static int is_card(const Text *text, const char *p)
{
    for (int digits = 1; digits < 13; digits++) {
        p++;
        if (p < text->end && (*p == ' ' || *p == '-')) {
            p++;
        }
        if (p >= text->end || !is_digit(*p)) {
            return 0;
        }
    }
    return 1;
}

/* Whether a user and a password may follow the dash at p, which begins an option as of curl: `-u`, `-su`, `--user`. */
static int is_user_option(const Text *text, const char *p)
{
    const char *q = p + 1, *end = text->end - p > LONGEST_USER ? p + LONGEST_USER : text->end;
    if (begins(text, p, "--user")) {
        q = p + 6;
    }
    else {
        while (q < end && ((*q >= 'a' && *q <= 'z') || (*q >= 'A' && *q <= 'Z'))) {
            q++;
        }
        if (q[-1] != 'u') {
            return 0;
        }
    }
    return memchr(q, ':', (size_t)(end - q)) != NULL;
}

static int look_at_dash(const Text *text, const char *p)
{
    static const char *const words[] = {"sk", "xai", "pplx", "glpat", "xapp", "pypi", "tvly", NULL};
    if (p - text->start < 2) {
        return 0;
    }
    if (p[-1] == ' ') {
        return is_user_option(text, p) ? FORM : 0;
    }
    if (p[-1] < 'a' || p[-1] > 'z' || !is_token(text, p + 1, 10, "")) {
        return 0;
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (ends(text, p, words[i])) {
            return FORM;
        }
    }
    return ends(text, p - 1, "xox") ? FORM : 0;
}

/* Whether what stands before the underscore at p, and twelve characters behind it, may be a token's. */
static int is_scored(const Text *text, const char *p)
{
    /* By their last letter, so that most names are through with it. */
    static const char *const words[128][5] = {
        ['1'] = {"dop_v1", "doo_v1", "dor_v1", "pylf_v1"},
        ['2'] = {"pylf_v2"},
        ['8'] = {"r8"},
        ['a'] = {"shpca", "shppa"},
        ['c'] = {"whsec"},
        ['e'] = {"k_live"},
        ['f'] = {"hf"},
        ['i'] = {"lin_api"},
        ['k'] = {"gsk", "agtk", "pcsk", "lsv2_sk"},
        ['m'] = {"npm"},
        ['n'] = {"ntn"},
        ['o'] = {"gho"},
        ['p'] = {"ghp"},
        ['r'] = {"ghr"},
        ['s'] = {"ghs", "shpss"},
        ['t'] = {"github_pat", "k_test", "shpat", "lsv2_pt"},
        ['u'] = {"ghu"},
        ['w'] = {"fw"},
    };
    if (p == text->start) {
        return 0;
    }
    const char *const *ending = words[p[-1] & 127];
    for (; *ending != NULL; ending++) {
        if (ends(text, p, *ending)) {
            return is_token(text, p + 1, 12, "+/=");
        }
    }
    return 0;
}

/* Whether a token of Vault begins two letters before p, which may be the last letter before its dot. */
static int is_vault(const Text *text, const char *p)
{
    return ends(text, p, "hv") && begins(text, p + 1, ".") && is_token(text, p + 2, 24, "");
}

/* Whether "ya29." stands around the digit at p. */
static int is_google(const Text *text, const char *p)
{
    return p > text->start && p[-1] == 'a' && begins(text, p, "29.") && ends(text, p, "ya") &&
           is_token(text, p + 3, 30, "");
}

static int look_at_equals(const Text *text, const char *p)
{
    if ((ends(text, p, "sig") || ends(text, p, "AccountKey")) && is_token(text, p + 1, 40, "+/%")) {
        return FORM;
    }
    return follows_secret(text, p) ? EQUALS : 0;
}

static int is_capital_b(const Text *text, const char *p)
{
    return begins(text, p + 1, "EGIN ") || begins(text, p + 1, "earer") || begins(text, p + 1, "EARER") ||
           begins(text, p + 1, "asic") || begins(text, p + 1, "ASIC");
}

/* What there is to say about the byte at p, which is no digit. */
OF_ITS_OWN static int look_at(Text *text, const char *p)
{
    switch (*p) {
    case '"':
        return ESCAPE;
    case '[':
        return begins_secret(text, p + 1) ? QUOTED : 0;
    case ':':
        return look_at_colon(text, p);
    case '=':
        return look_at_equals(text, p);
    case '@':
        text->at = 1;
        return 0;
    case '\\':
        return ESCAPE | (begins(text, p + 1, "/") || begins(text, p + 1, "u00") ? FORM : 0);
    case 'A':
        return begins(text, p + 1, "Iza") || begins(text, p + 1, "KIA") || begins(text, p + 1, "SIA") ? FORM : 0;
    case 'B':
        return is_capital_b(text, p) ? FORM : 0;
    case 'b':
        return begins(text, p + 1, "earer") || is_vault(text, p) ? FORM : 0;
    case 'G':
        return ends(text, p, "S") && begins(text, p + 1, ".") ? FORM : 0;
    case 'J':
        return ends(text, p, "ey") ? FORM : 0;
    case 'K':
        return ends(text, p, "S") && is_hex(text, p + 1, 32) ? FORM : 0;
    case '-':
        return look_at_dash(text, p);
    case 'p':
        return ends(text, p, "da") && begins(text, p + 1, "i") && is_hex(text, p + 2, 32) ? FORM : 0;
    case 's':
        return is_vault(text, p) ? FORM : 0;
    case '.':
        return p > text->start && is_vault(text, p - 1) ? FORM : 0;
    case '_':
        return is_scored(text, p) ? FORM : 0;
    default:
        return (unsigned char)*p < ' ' ? ESCAPE : 0;
    }
}

/* What there is to say about the sign at p. Digits first: of these there may be many. */
static int look_closely(Text *text, const char *p)
{
    if (*p >= '2' && *p <= '6') {
        return !is_inside(text, p) && (is_card(text, p) || is_google(text, p)) ? FORM : 0;
    }
    return look_at(text, p);
}

/* Whether there is nothing to do about eight bytes. */
static int is_plain(const char *p)
{
    const unsigned char *q = (const unsigned char *)p;
    return (kinds[q[0]] | kinds[q[1]] | kinds[q[2]] | kinds[q[3]] | kinds[q[4]] | kinds[q[5]] | kinds[q[6]] |
            kinds[q[7]]) == 0;
}

/* From p to the end; any processor. */
static int look_on(Text *text, const char *p)
{
    int found = 0;
    while (p < text->end) {
        const char *stop = text->end - p > 8 ? p + 8 : text->end;
        if (stop - p == 8 && is_plain(p)) {
            p = stop;
        }
        for (; p < stop; p++) {
            if (kinds[(unsigned char)p[0]] & before[p[1] & 15]) {
                found |= look_closely(text, p);
            }
        }
    }
    return found;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* Which bytes are signs: those that all three tables say so of, by the upper half of the byte, by its lower one and by
 * the lower half of the byte behind. They have a bit for each upper half, 1 for controls and 2 to 32 for what begins with
 * 2 to 6, and one each for "s" and "p", which begin with 7 (see `kinds`). A dot is none. */
static const unsigned char upper[16] = {1, 1, 2, 4, 8, 16, FIRST_B, FIRST_S | FIRST_P};
static const unsigned char lower[16] = {
    9 | FIRST_P, 9, 15 | FIRST_B, 5 | FIRST_S, 5, 5, 5, 9, 1, 1, 13, 25, 17, 7, 1, 17,
};

/* Of sixteen. Read is one byte more: at the end of a text the zero that Python puts there. */
__attribute__((target("ssse3"))) static unsigned signs_among(const char *p)
{
    const __m128i half = _mm_set1_epi8(15);
    __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    __m128i next = _mm_loadu_si128((const __m128i *)(p + 1));
    __m128i high = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)upper), _mm_and_si128(_mm_srli_epi16(bytes, 4), half));
    __m128i low = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)lower), _mm_and_si128(bytes, half));
    __m128i last = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)before), _mm_and_si128(next, half));
    __m128i plain = _mm_cmpeq_epi8(_mm_and_si128(_mm_and_si128(high, low), last), _mm_setzero_si128());
    return ~(unsigned)_mm_movemask_epi8(plain) & 0xFFFF;
}

__attribute__((target("avx2"))) static __m256i twice(const unsigned char *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

/* Of thirty-two. */
__attribute__((target("avx2"))) static unsigned signs_among_more(const char *p)
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i bytes = _mm256_loadu_si256((const __m256i *)p);
    __m256i next = _mm256_loadu_si256((const __m256i *)(p + 1));
    __m256i high = _mm256_shuffle_epi8(twice(upper), _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
    __m256i low = _mm256_shuffle_epi8(twice(lower), _mm256_and_si256(bytes, half));
    __m256i last = _mm256_shuffle_epi8(twice(before), _mm256_and_si256(next, half));
    __m256i plain = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_and_si256(high, low), last), _mm256_setzero_si256());
    return ~(unsigned)_mm256_movemask_epi8(plain);
}

static int look_at_some(Text *text, const char *p, unsigned places)
{
    int found = 0;
    for (; places != 0; places &= places - 1) {
        found |= look_closely(text, p + __builtin_ctz(places));
    }
    return found;
}

/* Look at a text of at least one step; the last step looks again at some of the one before, and passes over them. */
#define LOOK_IN_STEPS(text, step, signs) \
    const char *p = text->start; \
    int found = 0; \
    for (; text->end - p >= step; p += step) { \
        unsigned places = signs(p); \
        if (places != 0) { \
            found |= look_at_some(text, p, places); \
        } \
    } \
    Py_ssize_t again = step - (text->end - p); \
    unsigned rest = again == step ? 0 : signs(text->end - step) >> again << again; \
    return rest == 0 ? found : found | look_at_some(text, text->end - step, rest);

__attribute__((target("ssse3"))) static int look_by_shuffling(Text *text)
{
    LOOK_IN_STEPS(text, 16, signs_among)
}

__attribute__((target("avx2"))) static int look_by_shuffling_more(Text *text)
{
    LOOK_IN_STEPS(text, 32, signs_among_more)
}

static int look_all_over(Text *text)
{
    Py_ssize_t size = text->end - text->start;
    if (size >= 32 && __builtin_cpu_supports("avx2")) {
        return look_by_shuffling_more(text);
    }
    return size >= 16 && __builtin_cpu_supports("ssse3") ? look_by_shuffling(text) : look_on(text, text->start);
}
#else
static int look_all_over(Text *text)
{
    return look_on(text, text->start);
}
#endif

/* What has to be looked at more closely; 0 or ESCAPE where nothing could be a secret. */
static int look_through(Text *text)
{
    int found = look_all_over(text);
    return text->at && text->url ? found | FORM : found;
}
