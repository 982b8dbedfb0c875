/* encode(kind, payload, salt): one frame of a journal segment, in one allocation and one pass.
 *
 * The same in Python stands in journal/frames.py, and is used where this could not be built; a test holds the two
 * together. The checksum is the CRC-32 of zlib. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MAGIC 0xA9C7E5D3u
#define HEADER 16
#define POLYNOMIAL 0xEDB88320u

static uint32_t table[8][256]; /* table[n][b]: what byte b does to the checksum n bytes later */

static void fill_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
        }
        table[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int later = 1; later < 8; later++) {
            uint32_t crc = table[later - 1][byte];
            table[later][byte] = (crc >> 8) ^ table[0][crc & 0xFF];
        }
    }
}

/* Eight bytes a step; any processor. */
static uint32_t crc_by_table(uint32_t crc, const unsigned char *p, size_t size)
{
    for (; size >= 8; size -= 8, p += 8) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = table[7][crc & 0xFF] ^ table[6][crc >> 8 & 0xFF] ^ table[5][crc >> 16 & 0xFF] ^ table[4][crc >> 24] ^
              table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; size > 0; size--, p++) {
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xFF];
    }
    return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* Sixty-four bytes a step, by carry-less multiplication: Gopal et al., "Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ Instruction", Intel 2009, with its constants for this polynomial. At least 64 bytes, a multiple of 16. */
__attribute__((target("sse4.1,pclmul"))) static __m128i fold(__m128i sum, __m128i by, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(sum, by, 0x00);
    __m128i high = _mm_clmulepi64_si128(sum, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("sse4.1,pclmul"))) static uint32_t crc_by_folding(
    uint32_t crc, const unsigned char *p, size_t size)
{
    const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i by_8 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i low_words = _mm_setr_epi32(-1, 0, -1, 0);
    const __m128i *in = (const __m128i *)p;
    __m128i sums[4];
    for (int i = 0; i < 4; i++) {
        sums[i] = _mm_loadu_si128(in++);
    }
    sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)crc));
    for (size -= 64; size >= 64; size -= 64) {
        for (int i = 0; i < 4; i++) {
            sums[i] = fold(sums[i], by_64, _mm_loadu_si128(in++));
        }
    }
    __m128i sum = sums[0];
    for (int i = 1; i < 4; i++) {
        sum = fold(sum, by_16, sums[i]);
    }
    for (; size >= 16; size -= 16) {
        sum = fold(sum, by_16, _mm_loadu_si128(in++));
    }
    sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, by_16, 0x10));
    sum = _mm_xor_si128(
        _mm_srli_si128(sum, 4), _mm_clmulepi64_si128(_mm_and_si128(sum, low_words), by_8, 0x00));
    __m128i part = _mm_clmulepi64_si128(_mm_and_si128(sum, low_words), barrett, 0x10);
    part = _mm_clmulepi64_si128(_mm_and_si128(part, low_words), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(sum, part), 1);
}

static int can_fold;

static void detect(void)
{
    __builtin_cpu_init();
    can_fold = __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("pclmul");
}

static uint32_t crc32(uint32_t seed, const unsigned char *p, size_t size)
{
    uint32_t crc = ~seed;
    if (can_fold && size >= 64) {
        size_t whole = size & ~(size_t)15;
        crc = crc_by_folding(crc, p, whole);
        p += whole;
        size -= whole;
    }
    return ~crc_by_table(crc, p, size);
}
#else
static void detect(void) {}

static uint32_t crc32(uint32_t seed, const unsigned char *p, size_t size)
{
    return ~crc_by_table(~seed, p, size);
}
#endif

static void put(unsigned char *to, uint32_t number)
{
    for (int i = 0; i < 4; i++, number >>= 8) {
        to[i] = (unsigned char)number;
    }
}

static PyObject *encode(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 3) {
        return PyErr_Format(PyExc_TypeError, "encode: kind, payload and salt are needed");
    }
    char *payload;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(args[1], &payload, &size) < 0) {
        return NULL;
    }
    unsigned long kind = PyLong_AsUnsignedLong(args[0]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    unsigned long salt = PyLong_AsUnsignedLong(args[2]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (kind > UINT32_MAX || salt > UINT32_MAX || (size_t)size > UINT32_MAX) {
        return PyErr_Format(PyExc_OverflowError, "encode: kind, salt and the payload's size have 32 bits");
    }
    Py_ssize_t padded = (size + 7) & ~(Py_ssize_t)7;
    PyObject *frame = PyBytes_FromStringAndSize(NULL, HEADER + padded);
    if (frame == NULL) {
        return NULL;
    }
    unsigned char *to = (unsigned char *)PyBytes_AsString(frame);
    put(to, (uint32_t)size);
    put(to + 4, crc32((uint32_t)(salt ^ kind), (const unsigned char *)payload, (size_t)size));
    put(to + 8, (uint32_t)kind);
    put(to + 12, MAGIC);
    memcpy(to + HEADER, payload, (size_t)size);
    memset(to + HEADER + size, 0, (size_t)(padded - size));
    return frame;
}

static PyMethodDef methods[] = {
    {"encode", (PyCFunction)(void (*)(void))encode, METH_FASTCALL, "Return a whole frame."},
    {0},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_frame", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__frame(void)
{
    fill_table();
    detect();
    return PyModule_Create(&definition);
}
