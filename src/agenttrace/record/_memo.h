/* known_json(key, value, heads, limit): what `plain_json` returns, which for a value that is made of the very same texts
 * as one of late is the same object again, and of a list only written from the first item on that is not: an agent says
 * its whole conversation again with each prompt. Include _plain.h before.
 *
 * Texts and numbers never change, and while they are kept here no others can have their addresses. Lists and dicts are
 * looked through each time. Nothing here runs Python code.
 */

enum {
    MEMOS = 32,
    LONG_ENOUGH = 1024,        /* bytes of JSON, and characters of a text, that are worth it */
    MOST_REMEMBERED = 4 << 20, /* bytes of JSON of all */
};

typedef struct {
    PyObject *key, *heads, *json; /* `json` is NULL where nothing is kept */
    uintptr_t *word;              /* as in `the_words` */
    Item *item;                   /* as in `the_items` */
    size_t words, items;
} Memo;

static struct {
    Memo memo[MEMOS];
    uintptr_t opening[MEMOS]; /* of each */
    size_t held, next;
} the_memos;

static void hold_words(const uintptr_t *word, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!IS_OF_MANY(word[i])) {
            Py_INCREF((PyObject *)word[i]);
        }
    }
}

static void release_words(const uintptr_t *word, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!IS_OF_MANY(word[i])) {
            Py_DECREF((PyObject *)word[i]);
        }
    }
}

static void forget(Memo *memo)
{
    if (memo->json == NULL) {
        return;
    }
    the_memos.held -= (size_t)PyBytes_Size(memo->json);
    release_words(memo->word, memo->words);
    memo->words = memo->items = 0;
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
        Py_ssize_t at = 0, left = PyDict_Size(value);
        if (said != WORD_OF_MANY(left, 1)) {
            return 0;
        }
        for (; left > 0 && PyDict_Next(value, &at, &key, &member); left--) {
            if (*word == end || *(*word)++ != WORD_OF(key)) {
                return 0;
            }
            if (*word < end && **word == WORD_OF(member)) { /* as most: nothing to go into */
                (*word)++;
            }
            else if (!is_made_of(word, end, member)) {
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

/* With how many items of a memo's list another one begins. It is not asked of two: a pair may be a secret and its name. */
static size_t items_known(const Memo *memo, PyObject *value)
{
    size_t at = 0;
    if (!PyList_CheckExact(value) || PyList_Size(value) < 3) {
        return 0;
    }
    size_t count = (size_t)PyList_Size(value);
    while (at < memo->items && at < count) {
        const uintptr_t *word = memo->word + memo->item[at].word;
        if (!is_made_of(&word, memo->word + memo->words, PyList_GetItem(value, (Py_ssize_t)at))) {
            break;
        }
        at++;
    }
    return at;
}

/* How much of a memo's JSON, and of its words, says its first items. */
static Item end_of(const Memo *memo, size_t known)
{
    Item all = {(uint32_t)memo->words, (uint32_t)PyBytes_Size(memo->json)};
    return known == memo->items ? all : memo->item[known];
}

/* The JSON of a list of which a memo knows the first items, as `written` has it. */
static PyObject *json_from(Plain *plain, const Memo *memo, PyObject *list, size_t known)
{
    Item end = end_of(memo, known);
    size_t size = end.byte - 1;
    if (size > plain->limit) {
        return Py_NewRef(Py_None);
    }
    plain->limit -= size;
    plain->words = end.word;
    plain->before = size;
    plain->depth = 1;
    int done = write_items(plain, list, (Py_ssize_t)known, PyList_Size(list));
    if (done != DONE) {
        return written(plain, done);
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(size + plain->buffer->size));
    if (made != NULL) {
        memcpy(PyBytes_AsString(made), PyBytes_AsString(memo->json), size);
        memcpy(PyBytes_AsString(made) + size, plain->buffer->data, plain->buffer->size);
    }
    close_buffer(plain->buffer);
    return made;
}

/* Room for so many words and items; 0 where there is no memory. */
static int has_room(Memo *memo, size_t words, size_t items)
{
    uintptr_t *word = PyMem_Realloc(memo->word, words * sizeof *word);
    memo->word = word == NULL ? memo->word : word;
    Item *item = PyMem_Realloc(memo->item, (items + 1) * sizeof *item);
    memo->item = item == NULL ? memo->item : item;
    return word != NULL && item != NULL;
}

/* Keep what was written: of its words and items so many are the memo's already, the others were set. Where it is too
 * little or too much, or there is no memory, nothing is kept. */
static void remember(Memo *memo, uintptr_t opening, PyObject *key, PyObject *heads, PyObject *json, PyObject *value,
                     size_t words, size_t known_words, size_t known)
{
    size_t size = (size_t)PyBytes_Size(json), count = PyList_CheckExact(value) ? (size_t)PyList_Size(value) : 0;
    if (size < LONG_ENOUGH || size > MOST_REMEMBERED || words > MOST_WORDS) {
        return;
    }
    size_t items = count < MOST_ITEMS ? count : 0;
    size_t place = (size_t)(memo - the_memos.memo);
    the_memos.next += the_memos.opening[place] != opening;
    the_memos.opening[place] = opening;
    hold_words(the_words + known_words, words - known_words); /* first: the old ones may be the same */
    if (memo->json != NULL && known_words > 0) {
        release_words(memo->word + known_words, memo->words - known_words);
        memo->words = known_words;
    }
    else {
        forget(memo);
    }
    if (!has_room(memo, words, items)) {
        release_words(the_words + known_words, words - known_words);
        forget(memo);
        return;
    }
    memcpy(memo->word + known_words, the_words + known_words, (words - known_words) * sizeof memo->word[0]);
    if (known < items) {
        memcpy(memo->item + known, the_items + known, (items - known) * sizeof memo->item[0]);
    }
    if (count > 0) {
        memo->word[0] = WORD_OF_MANY(count, 0); /* also where no item is told from the others */
    }
    if (memo->json != NULL) {
        the_memos.held -= (size_t)PyBytes_Size(memo->json);
    }
    PyObject *before[] = {memo->key, memo->heads, memo->json};
    memo->words = words;
    memo->items = items;
    memo->key = Py_NewRef(key);
    memo->heads = Py_NewRef(heads);
    memo->json = Py_NewRef(json);
    the_memos.held += size;
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(before[i]);
    }
    for (int i = 0; i < MEMOS && the_memos.held > MOST_REMEMBERED; i++) {
        if (&the_memos.memo[i] != memo) {
            forget(&the_memos.memo[i]);
        }
    }
}

/* What tells one conversation from others that go on at the same time: its content key and its first texts. */
static uintptr_t opening_of(PyObject *key, PyObject *value)
{
    uintptr_t opening = WORD_OF(key);
    PyObject *name, *member, *first = NULL;
    Py_ssize_t at = 0;
    if ((PyList_CheckExact(value) || PyTuple_CheckExact(value)) && items_of(value) > 0) {
        first = item_of(value, 0);
    }
    while (first != NULL && PyDict_CheckExact(first) && PyDict_Next(first, &at, &name, &member)) {
        opening += PyUnicode_CheckExact(member) ? WORD_OF(member) : 0;
    }
    return opening + (first != NULL && PyUnicode_CheckExact(first) ? WORD_OF(first) : 0);
}

/* Where a value of this opening is kept, or may be. */
static Memo *memo_of(uintptr_t opening)
{
    for (size_t i = 0; i < MEMOS; i++) {
        if (the_memos.opening[i] == opening) {
            return &the_memos.memo[i];
        }
    }
    return &the_memos.memo[the_memos.next % MEMOS];
}

static PyObject *known_json(PyObject *key, PyObject *value, PyObject *heads, size_t limit)
{
    int is_text = PyUnicode_CheckExact(value);
    if (is_text ? PyUnicode_GetLength(value) < LONG_ENOUGH : is_leaf(value)) {
        return plain_json(value, heads, limit);
    }
    uintptr_t opening = opening_of(key, value);
    Memo *memo = memo_of(opening);
    int is_known = memo->json != NULL && memo->key == key && memo->heads == heads;
    const uintptr_t *word = memo->word;
    if (is_known && (size_t)PyBytes_Size(memo->json) <= limit && is_made_of(&word, memo->word + memo->words, value)) {
        return Py_NewRef(memo->json);
    }
    Plain plain = A_PLAIN(heads, limit);
    size_t known = is_known ? items_known(memo, value) : 0;
    size_t known_words = known > 0 ? end_of(memo, known).word : 0;
    PyObject *json = known > 0 ? json_from(&plain, memo, value, known) : written(&plain, write_value(&plain, value));
    if (json != NULL && PyBytes_Check(json)) {
        remember(memo, opening, key, heads, json, value, plain.words, known_words, known);
    }
    return json;
}
