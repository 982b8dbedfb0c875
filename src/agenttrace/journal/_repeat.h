/* What a record repeats of one that stands in the segment already, so that it need not be written again: an agent's
 * prompt says again the conversation so far. Include Python.h and _frame.h before.
 *
 * Of a few records the pieces are kept, which are found again by their bytes. Nothing here runs Python code.
 */
#include <stddef.h>

/* Nothing is named that stands before the bound, which whoever overwrites what is stored sets in the segment's header:
 * see journal/frames.py. */
enum { BOUND_AT = 60 };

static uint32_t bound_of(const Py_buffer *view)
{
    return view->len < BOUND_AT + 4 ? 0 : get((const unsigned char *)view->buf + BOUND_AT);
}

/* The same, after all that was written before has become visible to others. */
static uint32_t bound_behind(const Py_buffer *view)
{
#if defined(__GNUC__)
    __sync_synchronize();
#endif
    return bound_of(view);
}

enum { HEAD_PIECES = 3 }; /* of a record; behind them stand the names and values of its content, in turn */

/* The bytes from one piece of a payload on, as they stand in another frame. */
typedef struct {
    uint32_t source, start;  /* the other frame's offset, and where they begin in its payload */
    Py_ssize_t first, whole; /* pieces: the first, and how many are repeated from end to end */
    Py_ssize_t part, size;   /* bytes: of the piece behind those, and of all that is repeated */
} Range;

/* Have the payload say where these bytes stand, instead of them; `header` has room for what says so. */
static void make_echo(Payload *payload, const Range *range, unsigned char *header)
{
    Py_ssize_t place = 0, behind = range->first + range->whole, left = payload->count - behind;
    for (Py_ssize_t i = 0; i < range->first; i++) {
        place += payload->length[i];
    }
    put(header, range->source);
    put(header + 4, range->start);
    put(header + 8, (uint32_t)place);
    put(header + 12, (uint32_t)range->size);
    put(header + 16, range->part > 0 ? (uint32_t)(payload->length[behind] - range->part) : 0);
    if (range->part > 0) {
        payload->start[behind] += range->part;
        payload->length[behind] -= range->part;
    }
    /* One piece more in front: of those that are repeated the first makes room for it. */
    memmove(payload->start + range->first + 1, payload->start + behind, (size_t)left * sizeof payload->start[0]);
    memmove(payload->length + range->first + 1, payload->length + behind, (size_t)left * sizeof payload->length[0]);
    memmove(payload->start + 1, payload->start, (size_t)range->first * sizeof payload->start[0]);
    memmove(payload->length + 1, payload->length, (size_t)range->first * sizeof payload->length[0]);
    payload->start[0] = (char *)header;
    payload->length[0] = ECHO_HEADER;
    payload->count += 1 - range->whole;
    payload->size += ECHO_HEADER - range->size;
}

enum {
    MOST_SAID = 16,       /* records that are kept */
    MOST_KEPT = 32,       /* pieces of each */
    LASTING = 32,         /* one that was repeated outlives so many that were not */
    LARGE = 1024,         /* bytes of a value for which a record is kept */
    WORTH = 256,          /* bytes of a value that are looked for */
    MOST_HELD = 4 << 20,  /* bytes of all that is kept */
    MOST_ECHOES = 64,     /* of one frame: so many records lose something where that is damaged on the disk */
};

typedef struct {
    PyObject *bytes;
    const char *start;
    Py_ssize_t length;
    PyObject *other; /* what it was compared with last, or NULL, and how many bytes both begin with: */
    Py_ssize_t same; /* an end says what its start said */
} Part;

typedef struct {
    Part piece[MOST_KEPT];  /* those behind the head */
    Py_ssize_t count, size;  /* pieces (0: nothing is kept here), and bytes of all */
    uint32_t offset, start;  /* of the frame, and where the first piece begins in its payload */
    long long used;          /* when it was written or repeated, in records that were kept */
    int echoes;              /* how many records repeat it */
    Py_ssize_t grown;        /* bytes by which their values are longer: another frame would have them to repeat */
} Said;

typedef struct {
    Said said[MOST_SAID];
    uint32_t salt, bound; /* of the segment in which they stand */
    Py_ssize_t held;
    long long kept;
} Saying;

static void forget(Saying *saying, Said *said)
{
    saying->held -= said->size;
    said->size = 0;
    while (said->count > 0) {
        Part *part = &said->piece[--said->count];
        Py_DECREF(part->bytes);
        Py_XDECREF(part->other);
    }
}

static void forget_all(Saying *saying)
{
    for (int i = 0; i < MOST_SAID; i++) {
        forget(saying, &saying->said[i]);
    }
}

static Py_ssize_t common_prefix(const char *one, const char *other, Py_ssize_t size)
{
    Py_ssize_t at = 0;
    for (Py_ssize_t step = 4096; step >= 64; step /= 8) { /* each call of memcmp costs as much as some hundred bytes */
        for (; size - at >= step && memcmp(one + at, other + at, (size_t)step) == 0; at += step) {
        }
    }
    for (; at < size && one[at] == other[at]; at++) {
    }
    return at;
}

/* How many bytes of a payload's value, and of a part that is kept, are the same from the beginning on. */
static Py_ssize_t same_bytes(Part *part, PyObject *value, const char *start, Py_ssize_t length)
{
    if (part->bytes == value) {
        return length;
    }
    if (part->other == value) {
        return part->same;
    }
    Py_ssize_t same = common_prefix(part->start, start, length < part->length ? length : part->length);
    if (same >= LARGE && same >= length - same) { /* it is worth a look less, and not much larger than what is kept */
        PyObject *before = part->other;
        part->other = Py_NewRef(value);
        part->same = same;
        Py_XDECREF(before);
    }
    return same;
}

/* What a payload has from its name at `at` on, and a kept record from its own at `other` on. */
static Range range_from(Said *said, Py_ssize_t other, const Payload *payload, PyObject *const *pieces, Py_ssize_t at)
{
    Range range = {said->offset, said->start, at, 0, 0, 0};
    for (Py_ssize_t i = 0; i < other; i++) {
        range.start += (uint32_t)said->piece[i].length;
    }
    for (; at + 1 < payload->count && other + 1 < said->count && pieces[at] == said->piece[other].bytes; at += 2, other += 2) {
        Part *kept = &said->piece[other + 1];
        Py_ssize_t size = payload->length[at + 1];
        Py_ssize_t same = same_bytes(kept, pieces[at + 1], payload->start[at + 1], size);
        if (same < size && same < WORTH) {
            break;
        }
        range.whole += same == size ? 2 : 1;
        range.part = same == size ? 0 : same;
        range.size += payload->length[at] + same;
        if (same < size || same < kept->length) {
            break;
        }
    }
    return range;
}

/* How many bytes a range leaves of the value of which it repeats the beginning. */
static Py_ssize_t rest_of(const Range *range, const Payload *payload)
{
    return range->part > 0 ? payload->length[range->first + range->whole] - range->part : 0;
}

/* Whether a record may name another one, once more. */
static int may_name(const Said *said, const Range *range, const Payload *payload)
{
    return range->size * 2 >= payload->size && said->echoes < MOST_ECHOES &&
           said->grown + rest_of(range, payload) <= said->size;
}

/* The longest range that a payload repeats of what is kept, and of which record, one that may be named if there is any; its
 * size is 0 where there is none. */
static Range longest_range(Saying *saying, const Payload *payload, PyObject *const *pieces, Said **whose)
{
    Range best = {0, 0, 0, 0, 0, 0};
    int is_free = 0; /* the best may be named */
    for (Py_ssize_t at = HEAD_PIECES; at + 1 < payload->count && best.size * 2 < payload->size; at += 2) {
        if (payload->length[at + 1] < WORTH) {
            continue;
        }
        Said *said = saying->said, *end = said + MOST_SAID;
        for (; said < end && !(is_free && best.size * 8 >= payload->size * 7); said++) {
            Py_ssize_t other = 0;
            while (other + 1 < said->count && said->piece[other].bytes != pieces[at]) {
                other += 2;
            }
            Range range = {0, 0, 0, 0, 0, 0};
            if (other + 1 < said->count) {
                range = range_from(said, other, payload, pieces, at);
            }
            int may = range.size > 0 && may_name(said, &range, payload);
            if (may == is_free ? range.size > best.size : may) {
                best = range;
                is_free = may;
                *whose = said;
            }
        }
    }
    return best;
}

/* What a payload repeats, of size 0 where it is to be written whole; then it may be kept in the place of `whose`. */
static Range repeated(Saying *saying, const Payload *payload, PyObject *const *pieces, uint32_t salt, uint32_t bound,
                      Said **whose)
{
    Range none = {0, 0, 0, 0, 0, 0};
    if (saying->held == 0) {
        return none;
    }
    if (saying->salt != salt || saying->bound != bound) {
        forget_all(saying);
        return none;
    }
    Said *said = NULL;
    Range range = longest_range(saying, payload, pieces, &said);
    if (said == NULL) {
        return none;
    }
    if (may_name(said, &range, payload)) {
        said->echoes++;
        said->grown += rest_of(&range, payload);
        said->used = saying->kept;
        return range;
    }
    *whose = range.size * 2 >= said->size ? said : NULL; /* it goes on from there, or only begins alike */
    return none;
}

/* The one whose place the next one takes. */
static Said *least_used(Saying *saying)
{
    Said *least = saying->said;
    for (Said *said = least; said < saying->said + MOST_SAID && least->count > 0; said++) {
        if (said->count == 0 || said->used + LASTING * (said->echoes > 0) < least->used + LASTING * (least->echoes > 0)) {
            least = said;
        }
    }
    return least;
}

/* Keep a record that was written whole, if it has a large value. */
static void keep_said(Saying *saying, PyObject *const *pieces, const Payload *payload, uint32_t salt, uint32_t bound,
                      Py_ssize_t offset, Said *whose)
{
    Py_ssize_t largest = 0, count = payload->count - HEAD_PIECES;
    for (Py_ssize_t i = HEAD_PIECES; i + 1 < payload->count; i += 2) {
        largest = payload->length[i + 1] > largest ? payload->length[i + 1] : largest;
    }
    if (largest < LARGE || count > MOST_KEPT || payload->size > MOST_HELD || (size_t)offset > UINT32_MAX) {
        return;
    }
    if (saying->salt != salt || saying->bound != bound || saying->held + payload->size > MOST_HELD) {
        forget_all(saying);
        saying->salt = salt;
        saying->bound = bound;
    }
    Said *said = whose != NULL ? whose : least_used(saying);
    forget(saying, said);
    said->count = count;
    said->size = payload->size;
    said->offset = (uint32_t)offset;
    said->start = 0;
    said->used = saying->kept++;
    said->echoes = 0;
    said->grown = 0;
    for (int i = 0; i < HEAD_PIECES; i++) {
        said->start += (uint32_t)payload->length[i];
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t at = HEAD_PIECES + i;
        said->piece[i] = (Part){Py_NewRef(pieces[at]), payload->start[at], payload->length[at], NULL, 0};
    }
    saying->held += said->size;
}
