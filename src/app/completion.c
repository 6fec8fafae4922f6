/*
 * completion.c - see completion.h.
 *
 * Invariant: nothing here names an option. What the value of an option may be is asked of the option itself: given "?", it says
 * "... is none of A, B, C". Names of files, interfaces and users are left to the shell, by the placeholder in the table.
 * Left out: the words of a filter, and what can be explained.
 */
#include "completion.h"

#include "options.h"

#include <string.h>

static const char *const commands[] = {"explain", "schema", "completion"};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* What a value is, by its placeholder. */
enum value_kind { VALUE_OTHER, VALUE_WORD, VALUE_LIST, VALUE_FILE, VALUE_INTERFACE, VALUE_USER };

enum { WORDS = 1024 };

/* The words of the option, " text json"; nothing when it takes numbers. Of "id=5/10m" the name and its "=". */
static void ask_words(const struct option_row *row, char words[WORDS])
{
	static const char answer[] = "is none of ";
	static struct options scratch;
	struct err err = {0};
	const char *p;
	size_t n = 0;

	words[0] = '\0';
	row->set(&scratch, "?", &err);
	p = err.code ? strstr(err.text, answer) : NULL;
	for (p = p ? p + strlen(answer) : ""; *p && n < WORDS;) {
		size_t word = strcspn(p, ","), name = strcspn(p, ",=");

		n += (size_t)snprintf(words + n, WORDS - n, " %.*s", (int)(name < word ? name + 1 : word), p);
		p += word + strspn(p + word, ", ");
	}
}

static enum value_kind value_kind(const struct option_row *row, char words[WORDS])
{
	static const struct {
		const char *placeholder;
		enum value_kind kind;
	} kinds[] = {{"FILE", VALUE_FILE}, {"WHERE", VALUE_FILE}, {"IF", VALUE_INTERFACE}, {"USER[:GROUP]", VALUE_USER}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(row->argument, kinds[i].placeholder) == 0)
			return kinds[i].kind;
	ask_words(row, words);
	if (!words[0])
		return VALUE_OTHER;
	return strcmp(row->argument, "LIST") == 0 ? VALUE_LIST : VALUE_WORD;
}

/* "-h", "--help", or both with sep between. */
static void put_names(FILE *out, const struct option_row *row, const char *sep)
{
	if (row->letter)
		fprintf(out, "-%c", row->letter);
	if (row->name)
		fprintf(out, "%s--%s", row->letter ? sep : "", row->name);
}

/* ---- bash ---- */

static void bash_value(FILE *out, const struct option_row *row)
{
	char words[WORDS];
	enum value_kind kind = value_kind(row, words);

	fputs("\t", out);
	put_names(out, row, "|");
	fputs(")\n", out);
	switch (kind) {
	case VALUE_OTHER:
		break;
	case VALUE_FILE:
		fputs("\t\tcompopt -o filenames 2>/dev/null\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n", out);
		break;
	case VALUE_INTERFACE:
		fputs("\t\tCOMPREPLY=($(compgen -W \"any $(command ls /sys/class/net 2>/dev/null)\" -- \"$cur\"))\n", out);
		break;
	case VALUE_USER:
		fputs("\t\tCOMPREPLY=($(compgen -u -- \"$cur\"))\n", out);
		break;
	case VALUE_WORD:
		fprintf(out, "\t\tCOMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))\n", words + 1);
		break;
	case VALUE_LIST:
		fprintf(out, "\t\tcompopt -o nospace 2>/dev/null\n\t\t_smtpscope_list \"%s\"\n", words + 1);
		break;
	}
	fputs("\t\treturn ;;\n", out);
}

/* Lists are completed behind their last comma. */
static void bash(FILE *out)
{
	fputs("# bash completion of smtpscope, made by: smtpscope completion bash\n"
	      "_smtpscope_list() {\n"
	      "\tlocal before=${cur%\"${cur##*,}\"}\n"
	      "\tCOMPREPLY=($(compgen -P \"$before\" -W \"$1\" -- \"${cur##*,}\"))\n"
	      "}\n"
	      "_smtpscope() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [[ $cur == = ]]; then # bash splits --name=value\n"
	      "\t\tcur=\n"
	      "\telif [[ $prev == = ]]; then\n"
	      "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	      "\tfi\n"
	      "\tcase $prev in\n",
	      out);
	for (unsigned i = 0; i < option_row_count; i++)
		if (option_rows[i].argument)
			bash_value(out, &option_rows[i]);
	fputs("\tcompletion)\n\t\tCOMPREPLY=($(compgen -W \"bash zsh\" -- \"$cur\"))\n\t\treturn ;;\n\tesac\n\twords=\"", out);
	for (unsigned i = 0; i < option_row_count; i++) {
		fputs(" ", out);
		put_names(out, &option_rows[i], " ");
	}
	fputs("\"\n\t[[ $cur == -* ]] || words=\"", out);
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(out, " %s", commands[i]);
	fputs("\"\n\tif [[ $cur == -* || $COMP_CWORD == 1 ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "\tfi\n"
	      "}\n"
	      "complete -F _smtpscope smtpscope\n",
	      out);
}

/* ---- zsh ---- */

/* Within '...' of _arguments: brackets and colons end what they stand in. */
static void zsh_text(FILE *out, const char *p)
{
	for (; *p; p++) {
		if (*p == '\'')
			fputs("'\\'", out);
		else if (strchr("[]:\\", *p))
			fputc('\\', out);
		fputc(*p, out);
	}
}

static void zsh_value(FILE *out, const struct option_row *row)
{
	char words[WORDS];

	fputs(":", out);
	zsh_text(out, row->argument);
	switch (value_kind(row, words)) {
	case VALUE_OTHER:
		fputs(": ", out);
		break;
	case VALUE_FILE:
		fputs(":_files", out);
		break;
	case VALUE_INTERFACE:
		fputs(":_net_interfaces", out);
		break;
	case VALUE_USER:
		fputs(":_users", out);
		break;
	case VALUE_WORD:
		fprintf(out, ":(%s)", words + 1);
		break;
	case VALUE_LIST:
		fprintf(out, ":_values -s , value%s", words);
		break;
	}
}

static void zsh_row(FILE *out, const struct option_row *row)
{
	fputs("\t'*'", out); /* any may be said again */
	if (row->letter && row->name) {
		fputs("{", out);
		put_names(out, row, ",");
		fputs("}", out);
	} else {
		put_names(out, row, "");
	}
	fputs(row->name && row->argument ? "'=[" : "'[", out);
	zsh_text(out, row->help);
	fputs("]", out);
	if (row->argument)
		zsh_value(out, row);
	fputs("' \\\n", out);
}

static void zsh(FILE *out)
{
	fputs("#compdef smtpscope\n# zsh completion of smtpscope, made by: smtpscope completion zsh\n_arguments -s \\\n", out);
	for (unsigned i = 0; i < option_row_count; i++)
		zsh_row(out, &option_rows[i]);
	fputs("\t'1:command:(", out);
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(out, "%s%s", i ? " " : "", commands[i]);
	fputs(")'\n", out);
}

void completion_print(FILE *out, enum shell shell)
{
	if (shell == SHELL_BASH)
		bash(out);
	else
		zsh(out);
}
