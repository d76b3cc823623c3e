"""The steps that the models name, and what the functions of those names do.

A comment `step: table::LeasePages::drop = store.seq_cst store.relaxed` says: the body of
fastio::table::LeasePages::drop has these atomic operations and calls, in this order. Atomic operations are named with
their (first) memory order. Which calls count is said by the comments themselves: every word that is no atomic
operation, in any of them, is a call that counts in all of them.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STEP = re.compile(r"/\*\s*step:\s*([\w:~]+)\s*=\s*([^*]*?)\s*\*/")
FOLDERS = {"client": "src/client", "table": "src/table", "service": "src/service", "fastio": "src"}
ORDERS = r"(relaxed|acquire|release|acq_rel|seq_cst)"
IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*")


def named(text):
    """The steps in a model's text: a list of (function, [operation])."""
    return [(function, operations.split()) for function, operations in STEP.findall(text)]


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def end_of(text, start, opening, closing):
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at
    raise ValueError(f"no {closing} for the {opening} at {start}")


def bodies(text, name, scope):
    """The bodies of the definitions of `name`: of `scope::name`, or those inside of `class scope`, or free ones."""
    found = []
    if name not in text:
        return found
    qualified = rf"\b{scope}::{re.escape(name)}\s*\(" if scope else rf"(?<![:\w.>~]){re.escape(name)}\s*\("
    for match in re.finditer(qualified, text):
        closing = end_of(text, match.end() - 1, "(", ")")
        head = re.compile(r"\s*(const)?\s*(noexcept)?\s*(->[^{;]*)?\{").match(text, closing + 1)
        if head:
            found.append(text[head.end() - 1 : end_of(text, head.end() - 1, "{", "}") + 1])
    if not found and scope:
        of_class = re.search(rf"\b(?:class|struct) {scope.split('::')[-1]}\b[^;{{]*\{{", text)
        if of_class:
            inside = text[of_class.end() - 1 : end_of(text, of_class.end() - 1, "{", "}")]
            return bodies(inside, name, "")
    return found


def sources(function):
    folder = ROOT / FOLDERS[function.split("::")[0]]
    return sorted([*folder.rglob("*.hpp"), *folder.rglob("*.cpp")])


def body_of(function, texts):
    """The one body of a function in `texts`, a list of (name, source)."""
    parts = function.split("::")[1:]
    name, scope = parts[-1], "::".join(parts[:-1])
    found = [body for _, text in texts for body in bodies(text, name, scope)]
    # An overload that only forwards has less to say.
    return max(found, key=len) if found else None


def arguments_after(body, start):
    opening = body.index("(", start)
    return body[opening : end_of(body, opening, "(", ")") + 1]


def top_level_order(arguments):
    """The first memory order among the arguments that is not one of a nested call."""
    flat, depth = "", 0
    for char in arguments[1:-1]:
        depth += (char == "(") - (char == ")")
        flat += char if depth == 0 else " "
    order = re.search(rf"(?:memory_order_|__ATOMIC_){ORDERS}\b", flat, flags=re.IGNORECASE)
    return order[1].lower() if order else None


ATOMICS = {
    "__atomic_load_n": "load",
    "__atomic_store_n": "store",
    "__atomic_compare_exchange_n": "cas",
    "__atomic_add_fetch": "add",
    "load": "load",
    "store": "store",
    "compare_exchange_weak": "cas",
    "compare_exchange_strong": "cas",
    "exchange": "exchange",
    "fetch_add": "add",
    "atomic_thread_fence": "fence",
}
WORDS = {"load_word": ("load", "acquire"), "store_word": ("store", "release")}


def operations(body, calls):
    """What a body does, in the order of its text: atomic operations, and those calls that are in `calls`."""
    found = []
    for match in IDENTIFIER.finditer(body):
        name, rest = match[0], body[match.end() :]
        after = re.match(r"\s*(<[^<>();]*>)?\s*\(", rest)
        if not after:
            continue
        if name in WORDS:
            kind, order = WORDS[name]
            given = re.search(ORDERS, after[1] or "", flags=re.IGNORECASE)
            found.append(f"{kind}.{given[1].lower() if given else order}")
        elif name in ATOMICS and (order := top_level_order(arguments_after(body, match.end()))):
            found.append(f"{ATOMICS[name]}.{order}")
        elif name in calls:
            found.append(name)
    return found


def differences(steps, read=lambda path: path.read_text(encoding="utf-8")):
    """One line for each step whose function is not there or does something else."""
    calls = {operation for _, named_operations in steps for operation in named_operations if "." not in operation}
    cache = {}
    for function, expected in steps:
        texts = []
        for path in sources(function):
            if path not in cache:
                cache[path] = without_comments(read(path))
            texts.append((path, cache[path]))
        body = body_of(function, texts)
        if body is None:
            yield f"{function}: there is no such function"
            continue
        actual = operations(body, calls)
        if actual != expected:
            yield f"{function}: the model says '{' '.join(expected)}', the source '{' '.join(actual)}'"
