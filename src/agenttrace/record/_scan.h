/* look_through(text): one pass over a text that says what could be a secret there.
 *
 * The same in Python stands in record/gate.py, and is used where this could not be built. Both must report whatever the
 * patterns of record/patterns.py and record/assignments.py match: property tests hold that. Include Python.h before.
 */
#include <string.h>

/* The numbers of record/gate.py. */
enum { FORM = 1, QUOTED = 2, COLON = 4, EQUALS = 8, ESCAPE = 16 };

/* What to do about a byte: nothing, almost always. */
enum { PLAIN, CONTROL, DIGIT, SIGN };

#define LONGEST_NAME 256

#define C CONTROL
static const unsigned char kinds[256] = {
    C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
    ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT, ['5'] = DIGIT, ['6'] = DIGIT,
    ['-'] = SIGN, ['_'] = SIGN, [':'] = SIGN, ['='] = SIGN, ['"'] = SIGN, ['\\'] = SIGN, ['@'] = SIGN,
    ['['] = SIGN, ['A'] = SIGN, ['B'] = SIGN, ['b'] = SIGN, ['G'] = SIGN, ['J'] = SIGN,
};
#undef C

typedef struct {
    const char *start, *end;
    int at, url; /* seen: an @, a :// */
} Text;

static int begins(const Text *text, const char *p, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(text->end - p) >= length && memcmp(p, word, length) == 0;
}

static int ends(const Text *text, const char *p, const char *word)
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

static int look_at_colon(Text *text, const char *p)
{
    if (begins(text, p + 1, "//")) {
        text->url = 1;
    }
    if (p == text->start || p[-1] != '"') {
        return follows_secret(text, p) ? COLON : 0;
    }
    int labels = ends(text, p, "name\"") || ends(text, p, "key\"") || ends(text, p, "header\"");
    int secret = quotes_secret(text, p - 1) || follows_secret(text, p) || (labels && begins_secret(text, p + 1));
    return secret ? QUOTED : 0;
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

/* Whether 13 digits begin at p, with single blanks or dashes between them. */
static int is_card(const Text *text, const char *p)
{
    for (int digits = 1; digits < 13; digits++) {
        p++;
        if (p < text->end && (*p == ' ' || *p == '-')) {
            p++;
        }
        if (p >= text->end || *p < '0' || *p > '9') {
            return 0;
        }
    }
    return 1;
}

static int is_dashed(const Text *text, const char *p)
{
    static const char *const words[] = {"sk", "xai", "pplx", "glpat", "xapp", "pypi", NULL};
    if (p - text->start < 2 || p[-1] < 'a' || p[-1] > 'z' || !is_token(text, p + 1, 10, "")) {
        return 0;
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (ends(text, p, words[i])) {
            return 1;
        }
    }
    return ends(text, p - 1, "xox");
}

static int is_scored(const Text *text, const char *p)
{
    static const char *const words[] = {
        "gho", "ghp", "ghu", "ghs", "ghr", "github_pat", "_live", "_test", "whsec", "hf", "gsk", "npm", "r8", "agtk",
        NULL,
    };
    if (p == text->start || !is_token(text, p + 1, 12, "+/=")) {
        return 0;
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (ends(text, p, words[i])) {
            return 1;
        }
    }
    return 0;
}

static int begins_one_of(const Text *text, const char *p, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (begins(text, p, words[i])) {
            return FORM;
        }
    }
    return 0;
}

static int look_at(Text *text, const char *p)
{
    static const char *const after_a[] = {"Iza", "KIA", "SIA", NULL};
    static const char *const after_b[] = {"EGIN ", "earer", "EARER", "asic", "ASIC", NULL};
    static const char *const after_backslash[] = {"/", "u00", NULL};
    switch (*p) {
    case '"':
        return ESCAPE;
    case '[':
        return begins_secret(text, p + 1) ? QUOTED : 0;
    case ':':
        return look_at_colon(text, p);
    case '=':
        return follows_secret(text, p) ? EQUALS : 0;
    case '@':
        text->at = 1;
        return 0;
    case '\\':
        return ESCAPE | begins_one_of(text, p + 1, after_backslash);
    case 'A':
        return begins_one_of(text, p + 1, after_a);
    case 'B':
        return begins_one_of(text, p + 1, after_b);
    case 'b':
        return begins(text, p + 1, "earer") ? FORM : 0;
    case 'G':
        return ends(text, p, "S") && begins(text, p + 1, ".") ? FORM : 0;
    case 'J':
        return ends(text, p, "ey") ? FORM : 0;
    case '-':
        return is_dashed(text, p) ? FORM : 0;
    default:
        return is_scored(text, p) ? FORM : 0;
    }
}

/* What there is to say about the byte at p, which is not plain. */
static int look_closely(Text *text, const char *p)
{
    switch (kinds[(unsigned char)*p]) {
    case SIGN:
        return look_at(text, p);
    case CONTROL:
        return ESCAPE;
    case DIGIT:
        return is_card(text, p) ? FORM : 0;
    default:
        return 0;
    }
}

/* Whether there is nothing to do about eight bytes. */
static int is_plain(const char *p)
{
    const unsigned char *q = (const unsigned char *)p;
    return (kinds[q[0]] | kinds[q[1]] | kinds[q[2]] | kinds[q[3]] | kinds[q[4]] | kinds[q[5]] | kinds[q[6]] |
            kinds[q[7]]) == PLAIN;
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
            found |= look_closely(text, p);
        }
    }
    return found;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* Which of sixteen bytes are not plain: those that both tables say so of, one by the upper half of the byte and one by
 * the lower. They have one bit for each upper half: 1 for controls, 2 to 32 for what begins with 2 to 6 (see `kinds`). */
__attribute__((target("ssse3"))) static unsigned not_plain(const char *p)
{
    const __m128i upper = _mm_setr_epi8(1, 1, 2, 4, 8, 16, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i lower = _mm_setr_epi8(9, 9, 47, 5, 5, 5, 5, 9, 1, 1, 13, 17, 17, 7, 1, 17);
    const __m128i half = _mm_set1_epi8(15);
    __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    __m128i high = _mm_shuffle_epi8(upper, _mm_and_si128(_mm_srli_epi16(bytes, 4), half));
    __m128i low = _mm_shuffle_epi8(lower, _mm_and_si128(bytes, half));
    __m128i plain = _mm_cmpeq_epi8(_mm_and_si128(high, low), _mm_setzero_si128());
    return ~(unsigned)_mm_movemask_epi8(plain) & 0xFFFF;
}

static int look_at_some(Text *text, const char *p, unsigned places)
{
    int found = 0;
    for (; places != 0; places &= places - 1) {
        found |= look_closely(text, p + __builtin_ctz(places));
    }
    return found;
}

/* At least 16 bytes. The last step looks again at some of the step before, and passes over them. */
__attribute__((target("ssse3"))) static int look_by_shuffling(Text *text)
{
    const char *p = text->start;
    int found = 0;
    for (; text->end - p >= 16; p += 16) {
        unsigned places = not_plain(p);
        if (places != 0) {
            found |= look_at_some(text, p, places);
        }
    }
    Py_ssize_t again = 16 - (text->end - p);
    return found | look_at_some(text, text->end - 16, not_plain(text->end - 16) >> again << again);
}

static int look_all_over(Text *text)
{
    int shuffles = text->end - text->start >= 16 && __builtin_cpu_supports("ssse3");
    return shuffles ? look_by_shuffling(text) : look_on(text, text->start);
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

/* What could be a secret in a text, or its JSON where nothing could: see record/gate.py. */
static PyObject *look(PyObject *module, PyObject *value)
{
    (void)module;
    Py_ssize_t size;
    const char *start = PyUnicode_AsUTF8AndSize(value, &size); /* of ASCII text this is no copy */
    if (start == NULL) {
        return NULL;
    }
    Text text = {start, start + size, 0, 0};
    int found = look_through(&text);
    if (found) {
        return PyLong_FromLong(found);
    }
    PyObject *json = PyBytes_FromStringAndSize(NULL, size + 2);
    if (json != NULL) {
        char *to = PyBytes_AsString(json);
        to[0] = to[size + 1] = '"';
        memcpy(to + 1, start, (size_t)size);
    }
    return json;
}
