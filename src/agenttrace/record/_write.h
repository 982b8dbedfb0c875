/* JSON, written into a buffer that grows. Include Python.h before. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SMALL 1000000000000LL /* 13 digits may be a card number */
#define LONGEST_ESCAPE 6      /* \u001f */

#define KEPT 1048576 /* a buffer of more bytes is given back */

/* There is one buffer, since nothing that writes gives up the GIL or runs Python code on the way. A fresh one each time
 * would cost more than all else: memory that was given back comes as fresh pages. */
typedef struct {
    char *data;
    size_t size, room;
} Buffer;

static Buffer the_buffer;

static Buffer *open_buffer(void)
{
    the_buffer.size = 0;
    return &the_buffer;
}

static void close_buffer(Buffer *buffer)
{
    if (buffer->room > KEPT) {
        PyMem_Free(buffer->data);
        buffer->data = NULL;
        buffer->room = 0;
    }
}

static int reserve(Buffer *buffer, size_t more)
{
    if (more <= buffer->room - buffer->size) {
        return 1;
    }
    size_t room = (buffer->size + more) * 2;
    char *data = PyMem_Realloc(buffer->data, room);
    if (data == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    buffer->data = data;
    buffer->room = room;
    return 1;
}

static int put(Buffer *buffer, const char *data, size_t size)
{
    if (!reserve(buffer, size)) {
        return 0;
    }
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return 1;
}

/* The second character of a short escape, or 0. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\f':
        return 'f';
    case '\r':
        return 'r';
    default:
        return 0;
    }
}

/* Write one character that JSON writes in another way; there is room. */
static char *escape(char *to, char c)
{
    static const char digits[] = "0123456789abcdef";
    char simple = short_escape(c);
    *to++ = '\\';
    if (simple != 0) {
        *to++ = simple;
        return to;
    }
    memcpy(to, "u00", 3);
    to[3] = digits[(unsigned char)c >> 4];
    to[4] = digits[c & 15];
    return to + 5;
}

/* Whether JSON writes eight bytes as they are: none is below 32, a quotation mark or a backslash. */
static int is_literal(const char *p)
{
    const uint64_t ones = 0x0101010101010101, tops = ones * 128;
    uint64_t all;
    memcpy(&all, p, 8);
    uint64_t quotes = all ^ (ones * '"'), slashes = all ^ (ones * '\\');
    return ((((all - ones * 32) & ~all) | ((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes)) & tops) == 0;
}

static int put_escaped(Buffer *buffer, const char *p, const char *end)
{
    while (p < end) {
        const char *from = p;
        while (end - p >= 8 && is_literal(p)) {
            p += 8;
        }
        while (p < end && (unsigned char)*p >= 32 && *p != '"' && *p != '\\') {
            p++;
        }
        if (!put(buffer, from, (size_t)(p - from)) || !reserve(buffer, LONGEST_ESCAPE)) {
            return 0;
        }
        if (p < end) {
            buffer->size = (size_t)(escape(buffer->data + buffer->size, *p++) - buffer->data);
        }
    }
    return 1;
}
