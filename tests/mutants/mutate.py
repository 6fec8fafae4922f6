"""
mutate.py - the mutants of one C source file: small changes, one at a time, each of which a test should notice.

No parser: tokens, and a stack that says for each brace whether it opens code, a table, an enum or another type. That is
enough for this project's style. A change that is not C is found by the compiler and not counted.

  code    < <= > >= == !=   && ||   ! away   + -   ++ --   & |   |= away   n to n + 1   true false
          if and ?: forced to each side   loops never entered   return 0 and return 1   a statement, break or continue away
  tables  numbers, characters, true, false as above; flags and enum constants negated; functions to NULL
  enums   n to n + 1

Left alone, because nothing can follow from them: comments, strings, the preprocessor, declarations, sizeof, array sizes,
assert, and (void) in front of a name.
"""
import re

TOKEN = re.compile(r"""
    (?P<skip>/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*|\s+)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>'(?:\\.|[^'\\\n])+')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|[0-9]+[uUlL]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<op><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
""", re.S | re.M | re.X)

SWAPS = {"==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
         "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "++": ["--"], "--": ["++"], "&": ["|"], "|": ["&"],
         "|=": ["="], "+=": ["-="], "-=": ["+="], "true": ["false"], "false": ["true"]}
BINARY_OR_UNARY = {"+", "-", "&"}
KEYWORDS = {"if", "else", "for", "while", "do", "switch", "case", "default", "break", "continue", "return", "goto",
            "sizeof", "struct", "union", "enum", "static", "const", "unsigned", "signed", "int", "char", "long", "bool",
            "void", "double", "extern", "inline", "_Static_assert", "static_assert", "assert"}
ASSIGN = {"=", "|=", "&=", "+=", "-=", "*=", "/=", "%=", "^=", "<<=", ">>="}


class Token:
    def __init__(self, kind, text, start):
        self.kind, self.text, self.start, self.end = kind, text, start, start + len(text)
        self.context = "file"
        self.mate = None  # index of the other bracket


def tokens_of(source):
    tokens = [Token(m.lastgroup, m.group(), m.start()) for m in TOKEN.finditer(source) if m.lastgroup != "skip"]
    stack = []
    for i, token in enumerate(tokens):
        if token.kind == "op" and token.text in "([{":
            token.context = stack[-1][1] if stack else "file"
            inner = brace_context(tokens, i) if token.text == "{" else token.context
            stack.append((i, inner))
        elif token.kind == "op" and token.text in ")]}" and stack:
            opened, _ = stack.pop()
            token.mate, tokens[opened].mate = opened, i
            token.context = tokens[opened].context
        else:
            token.context = stack[-1][1] if stack else "file"
    return tokens


def brace_context(tokens, i):
    """What the brace at i opens: code, table (static data), value (a literal in code), enum or type."""
    outer, before = tokens[i].context, tokens[i - 1].text if i else ""
    if outer in ("table", "value", "type"):
        return outer
    if before == "=":
        return "table" if outer == "file" or statement_has(tokens, i, "static") else "value"
    if before == ")" and outer == "code" and tokens[tokens[i - 1].mate + 1].text in ("struct", "const", "union"):
        return "value"
    if before in (")", "else", "do", "{", "}", ";", ":"):
        return "code"
    return "enum" if statement_has(tokens, i, "enum") else "type"


def statement_has(tokens, i, word):
    while i and tokens[i - 1].text not in (";", "{", "}"):
        i -= 1
        if tokens[i].text == word:
            return True
    return False


def in_brackets_of(tokens, i, test):
    """Whether some bracket around token i satisfies test(index of the bracket)."""
    depth = 0
    for k in range(i - 1, -1, -1):
        text = tokens[k].text
        if text in (")", "]") and tokens[k].kind == "op":
            depth += 1
        elif text in ("(", "[") and tokens[k].kind == "op":
            if depth == 0 and test(k):
                return True
            depth -= 1 if depth else 0
        elif text in (";", "{", "}") and depth == 0:
            return False
    return False


def is_moot(tokens, i):
    """Inside sizeof, an assertion, an array size of a declaration or a designator."""
    def moot(k):
        before = tokens[k - 1].text if k else ""
        if tokens[k].text == "(":
            return before in ("sizeof", "assert", "_Static_assert", "static_assert")
        declared = k > 1 and tokens[k - 1].kind == "name" and (tokens[k - 2].kind == "name" or tokens[k - 2].text == "*")
        return declared and tokens[k - 2].text not in ("return", "case", "else") or before in ("{", ",", "]")
    return in_brackets_of(tokens, i, moot) or sizes_division(tokens, i)


def sizes_division(tokens, i):
    """The element of sizeof a / sizeof a[0]."""
    return i > 3 and tokens[i - 1].text == "[" and "sizeof" in [t.text for t in tokens[max(0, i - 8):i]]


class Source:
    def __init__(self, path, text):
        self.path, self.text, self.tokens = path, text, tokens_of(text)
        self.found = []

    def change(self, start, end, new):
        """One mutant: the octets from start to end become new."""
        if self.text[start:end] != new:
            self.found.append((start, end, new))

    def mutants(self):
        for i, token in enumerate(self.tokens):
            if token.context == "code" or token.context == "value":
                self.in_code(i, token)
            elif token.context == "table":
                self.in_table(i, token)
            elif token.context == "enum" and token.kind == "number":
                self.number(token)
        return [Mutant(self, *change) for change in self.found]

    def in_code(self, i, token):
        if is_moot(self.tokens, i):
            return
        if token.kind in ("number", "char"):
            self.number(token)
        elif token.text in SWAPS:
            self.swap(i, token)
        elif token.text == "!":
            self.change(token.start, token.end, "")
        elif token.text == "?":
            self.change(token.start, token.end, "&& 0 ?")
            self.change(token.start, token.end, "|| 1 ?")
        elif token.text in ("if", "while", "for"):
            self.condition(i, token)
        elif token.text == "return":
            self.result(i)
        if token.context == "code":
            self.statement(i, token)

    def number(self, token):
        zero = token.kind == "number" and re.fullmatch(r"0[uUlL]*", token.text)
        self.change(token.start, token.end, "1" if zero else f"({token.text} + 1)")

    def swap(self, i, token):
        before = self.tokens[i - 1]
        if token.text in BINARY_OR_UNARY and not (before.kind in ("name", "number", "char") and before.text not in KEYWORDS
                                                  or before.text in (")", "]")):
            return
        for new in SWAPS[token.text]:
            self.change(token.start, token.end, new)

    def condition(self, i, token):
        opened = i + 1
        if self.tokens[opened].text != "(":
            return
        first, last = self.tokens[opened].end, self.tokens[self.tokens[opened].mate].start
        if token.text == "for":
            semicolons = [t for t in self.tokens[opened:self.tokens[opened].mate] if t.text == ";"]
            first, last = semicolons[0].end, semicolons[1].start
            if not self.text[first:last].strip():
                return
        self.change(first, last, " 0" if token.text == "for" else "0")
        if token.text == "if":
            self.change(first, last, "1")

    def result(self, i):
        end = self.end_of(i)
        if end == i + 1 or end == i + 2 and (self.tokens[i + 1].kind == "number" or
                                             self.tokens[i + 1].text in ("true", "false", "NULL", "SPAN_ABSENT")):
            return
        for new in ("0", "1"):
            self.change(self.tokens[i + 1].start, self.tokens[end].start, new)

    def end_of(self, i):
        """The semicolon that ends the statement at i."""
        while self.tokens[i].text != ";":
            i = self.tokens[i].mate if self.tokens[i].text in ("(", "[", "{") else i
            i += 1
        return i

    def starts_statement(self, i):
        before = self.tokens[i - 1]
        if before.text in (";", "{", "}", "else", "do"):
            opened = [k for k in range(max(0, i - 40), i) if self.tokens[k].text == "for"]
            return not opened or self.tokens[self.tokens[opened[-1] + 1].mate].start < self.tokens[i].start
        if before.text == ":":
            return statement_has(self.tokens, i, "case") or statement_has(self.tokens, i, "default")
        return before.text == ")" and self.tokens[before.mate - 1].text in ("if", "for", "while", "switch")

    def statement(self, i, token):
        if not self.starts_statement(i):
            return
        if token.text in ("break", "continue"):
            self.change(token.start, token.end, "")
            return
        following = self.tokens[i + 1]
        if token.text == "(":  # (void)call();
            called = self.tokens[token.mate + 2].text == "("
        elif token.kind == "name" and token.text not in KEYWORDS:
            called = following.text in ASSIGN or following.text in ("(", "->", ".", "[", "++", "--")
        else:
            called = token.text in ("*", "++", "--")
        if called:
            self.change(token.start, self.tokens[self.end_of(i)].start, "")

    def in_table(self, i, token):
        before, following = self.tokens[i - 1].text, self.tokens[i + 1].text
        if is_moot(self.tokens, i) or before == "." or before == "[":
            return
        if token.kind in ("number", "char"):
            self.number(token)
        elif token.text in ("true", "false", "|"):
            self.swap(i, token)
        elif token.kind == "name" and before in ("{", ",", "|", "=", "(", "?", ":"):
            arguments = self.tokens[i + 2:self.tokens[i + 1].mate] if following == "(" else []
            if any(t.kind == "string" for t in arguments) or in_brackets_of(self.tokens, i, lambda k: True):
                return
            if re.match(r"[A-Z]", token.text) and token.text != "NULL":
                self.change(token.start, token.end, f"!{token.text}")
            elif token.text not in KEYWORDS and token.text != "NULL":
                self.change(token.start, token.end, "NULL")


class Mutant:
    def __init__(self, source, start, end, new):
        self.path, self.source, self.start, self.end, self.new = source.path, source.text, start, end, new
        self.line = source.text.count("\n", 0, start) + 1

    def text(self):
        return self.source[:self.start] + self.new + self.source[self.end:]

    def __str__(self):
        """One line: where, the line as it is, the line as the mutant has it."""
        first = self.source.rfind("\n", 0, self.start) + 1
        last = self.source.find("\n", self.end)
        old = " ".join(self.source[first:last].split())
        new = " ".join((self.source[first:self.start] + self.new + self.source[self.end:last]).split())
        return f"{self.path}:{self.line}: {old}  =>  {new or ';'}"


def mutants_of(path):
    with open(path, encoding="utf-8") as file:
        return Source(path, file.read()).mutants()
