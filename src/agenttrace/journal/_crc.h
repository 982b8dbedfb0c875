/* crc32(seed, bytes, size): the CRC-32 of zlib. Call `prepare_crc` first. */
#include <stdint.h>
#include <stddef.h>

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

static void prepare_crc(void)
{
    fill_table();
    detect();
}
