/* known_json(key, value, heads, limit): what `plain_json` returns, which for a value that is made of the very same texts
 * as the last one of its content key is the same object again, and for a list that has grown only written on: an agent
 * says its whole conversation again with each prompt. Include _plain.h before.
 *
 * Texts and numbers never change, and while they are kept here no others can have their addresses. Lists and dicts are
 * looked through each time. Nothing here runs Python code.
 */

enum {
    MEMOS = 16,
    LONG_ENOUGH = 1024,       /* bytes of JSON, and characters of a text, that are worth it */
    MOST_REMEMBERED = 4 << 20, /* bytes of JSON of all */
};

typedef struct {
    PyObject *key, *heads, *json; /* `json` is NULL where nothing is kept */
    uintptr_t *word;              /* as in `the_words` */
    size_t words;
} Memo;

static struct {
    Memo memo[MEMOS]; /* by content key */
    size_t held;
} the_memos;

static void hold_all(const uintptr_t *word, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!IS_OF_MANY(word[i])) {
            Py_INCREF((PyObject *)word[i]);
        }
    }
}

static void forget(Memo *memo)
{
    if (memo->json == NULL) {
        return;
    }
    the_memos.held -= (size_t)PyBytes_Size(memo->json);
    for (size_t i = 0; i < memo->words; i++) {
        if (!IS_OF_MANY(memo->word[i])) {
            Py_DECREF((PyObject *)memo->word[i]);
        }
    }
    memo->words = 0;
    Py_CLEAR(memo->key);
    Py_CLEAR(memo->heads);
    Py_CLEAR(memo->json);
}

/* Whether a value is made of what these words say, which are passed then. */
static int is_made_of(const uintptr_t **word, const uintptr_t *end, PyObject *value)
{
    if (*word == end) {
        return 0;
    }
    uintptr_t said = *(*word)++;
    if (said == WORD_OF(value)) {
        return 1;
    }
    if (!IS_OF_MANY(said)) {
        return 0;
    }
    if (PyDict_CheckExact(value)) {
        PyObject *key, *member;
        Py_ssize_t at = 0;
        if (said != WORD_OF_MANY(PyDict_Size(value), 1)) {
            return 0;
        }
        while (PyDict_Next(value, &at, &key, &member)) {
            if (*word == end || *(*word)++ != WORD_OF(key) || !is_made_of(word, end, member)) {
                return 0;
            }
        }
        return 1;
    }
    if (!PyList_CheckExact(value) && !PyTuple_CheckExact(value)) {
        return 0;
    }
    Py_ssize_t count = items_of(value);
    if (said != WORD_OF_MANY(count, 0)) {
        return 0;
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        if (!is_made_of(word, end, item_of(value, at))) {
            return 0;
        }
    }
    return 1;
}

/* Whether a list begins with all the items of a memo's, and has more. Of one item or none it is not asked: a pair may be
 * a secret and its name. */
static Py_ssize_t items_known(const Memo *memo, PyObject *value)
{
    const uintptr_t *word = memo->word + 1, *end = memo->word + memo->words;
    Py_ssize_t known = (Py_ssize_t)(memo->word[0] >> 2), at = 0;
    if (!PyList_CheckExact(value) || (memo->word[0] & 3) != 1 || known < 2 || PyList_Size(value) <= known) {
        return 0;
    }
    while (at < known && is_made_of(&word, end, PyList_GetItem(value, at))) {
        at++;
    }
    return at == known ? known : 0;
}

/* Write a list of which a memo knows the first items. */
static int write_on(Plain *plain, const Memo *memo, PyObject *list, Py_ssize_t known)
{
    memcpy(the_words, memo->word, memo->words * sizeof memo->word[0]);
    the_words[0] = WORD_OF_MANY(PyList_Size(list), 0);
    plain->words = memo->words;
    plain->depth = 1;
    int done = write_bytes(plain, PyBytes_AsString(memo->json), (size_t)PyBytes_Size(memo->json) - 1);
    return done == DONE ? write_items(plain, list, known, PyList_Size(list)) : done;
}

/* Keep the words that are set for a key; where there is no memory, nothing. */
static void remember(Memo *memo, PyObject *key, PyObject *heads, PyObject *json, size_t words)
{
    size_t size = (size_t)PyBytes_Size(json);
    if (size < LONG_ENOUGH || size > MOST_REMEMBERED || words > MOST_WORDS) {
        return;
    }
    hold_all(the_words, words); /* before the old ones are let go: they may be the same */
    forget(memo);
    for (int i = 0; i < MEMOS && the_memos.held + size > MOST_REMEMBERED; i++) {
        forget(&the_memos.memo[i]);
    }
    uintptr_t *room = PyMem_Realloc(memo->word, words * sizeof memo->word[0]);
    memo->word = room == NULL ? memo->word : room;
    if (room == NULL) {
        for (size_t i = 0; i < words; i++) {
            if (!IS_OF_MANY(the_words[i])) {
                Py_DECREF((PyObject *)the_words[i]);
            }
        }
        return;
    }
    memcpy(room, the_words, words * sizeof room[0]);
    memo->words = words;
    memo->key = Py_NewRef(key);
    memo->heads = Py_NewRef(heads);
    memo->json = Py_NewRef(json);
    the_memos.held += size;
}

static PyObject *known_json(PyObject *key, PyObject *value, PyObject *heads, size_t limit)
{
    int is_text = PyUnicode_CheckExact(value);
    if (is_text ? PyUnicode_GetLength(value) < LONG_ENOUGH : is_leaf(value)) {
        return plain_json(value, heads, limit);
    }
    Memo *memo = &the_memos.memo[(WORD_OF(key) >> 4 ^ WORD_OF(key) >> 9) % MEMOS];
    int is_known = memo->json != NULL && memo->key == key && memo->heads == heads;
    const uintptr_t *word = memo->word;
    if (is_known && (size_t)PyBytes_Size(memo->json) <= limit && is_made_of(&word, memo->word + memo->words, value)) {
        return Py_NewRef(memo->json);
    }
    Plain plain = A_PLAIN(heads, limit);
    Py_ssize_t known = is_known ? items_known(memo, value) : 0;
    PyObject *json = written(&plain, known > 0 ? write_on(&plain, memo, value, known) : write_value(&plain, value));
    if (json != NULL && PyBytes_Check(json)) {
        remember(memo, key, heads, json, plain.words);
    }
    return json;
}
