/*
 * unicode.c - the few properties of code points (Unicode 15) that safe output needs, as range tables.
 *
 * Own tables because wcwidth() depends on the locale, and the transcript may not. Coarse on purpose: whole blocks of
 * combining and of wide characters; a column too many or too few only moves a line break. What is invisible is treated as a
 * control, because a reader who compares two addresses must see that they differ.
 */
#include "unicode.h"

#include <stddef.h>

struct range {
	uint32_t first, last;
};

static const struct range controls[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
};

static const struct range invisible[] = {
	{0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},
	{0x2060, 0x206f},   {0x3164, 0x3164},   {0xd800, 0xdfff},   {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
	{0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static const struct range combining[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f}, {0x06d6, 0x06dc},
	{0x0900, 0x0902}, {0x093c, 0x093c}, {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},
	{0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0x302a, 0x302d}, {0x3099, 0x309a},
	{0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* East Asian Wide and Fullwidth, and the emoji blocks. */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
	{0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
	{0xffe0, 0xffe6},   {0x16fe0, 0x1b2ff}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
};

#define IN(table, v) in_ranges(table, sizeof(table) / sizeof((table)[0]), v)

static bool in_ranges(const struct range *r, size_t n, uint32_t v)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (v > r[middle].last)
			low = middle + 1;
		else if (v < r[middle].first)
			n = middle;
		else
			return true;
	}
	return false;
}

bool unicode_is_control(uint32_t code_point)
{
	return IN(controls, code_point);
}

int unicode_columns(uint32_t code_point)
{
	if (code_point >= 0x20 && code_point < 0x7f)
		return 1;
	if (IN(controls, code_point) || IN(invisible, code_point) || (code_point & 0xfffe) == 0xfffe)
		return -1;
	if (IN(combining, code_point))
		return 0;
	return IN(wide, code_point) ? 2 : 1;
}
