//! How deep a policy goes, known before Cedar reads it.
//!
//! Cedar's parser recurses without a limit: some forty brackets, 120 bytes, overflow a stack of
//! 2 MiB and end the process (cedar-policy 4.14; pull request 2383 there). Its validator stops when
//! the stack runs low, and then says that all is well. Its evaluator stops too, and then we refuse.
//! So depth is bounded here: what loads can also be evaluated on an ordinary thread. Reading takes
//! more than that, and happens on a thread whose stack is known to be enough.

/// The most brackets within brackets.
const MAX_NESTING: usize = 16;

/// The most operators of one policy that take what stands left of them as an operand.
const MAX_LINKS: usize = 24;

/// The most dots between two such operators.
const MAX_DOTS: usize = 16;

/// Several times what the deepest policy needs in an unoptimised build.
pub(super) const STACK: usize = 32 * 1024 * 1024;

/// Where `text` goes too deep, and how.
pub(super) fn excess(text: &str) -> Option<(usize, String)> {
    let (mut nesting, mut links, mut dots) = (0_usize, 0_usize, 0_usize);
    for (offset, token) in Tokens(text, 0) {
        match token {
            "(" | "[" | "{" => nesting += 1,
            ")" | "]" | "}" => nesting = nesting.saturating_sub(1),
            "." => dots += 1,
            "&&" | "||" | "+" | "-" | "*" | "if" | "when" | "unless" => {
                links += 1;
                dots = 0;
            }
            ";" => (links, dots) = (0, 0),
            _ => {}
        }
        let excess = if MAX_NESTING < nesting {
            format!("more than {MAX_NESTING} brackets within brackets")
        } else if MAX_LINKS < links {
            format!("more than {MAX_LINKS} operators in one policy; use a set, or more policies")
        } else if MAX_DOTS < dots {
            format!("more than {MAX_DOTS} dots in a row")
        } else {
            continue;
        };
        return Some((offset, excess));
    }
    None
}

/// How many bytes of blank space and comments `text` begins with. Between two policies there is
/// nothing else.
pub(super) fn blank(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        match rest.strip_prefix("//") {
            // Cedar ends a comment at either; not to do so here would hide brackets.
            Some(comment) => rest = from(comment, ['\n', '\r']),
            None => return text.len() - rest.len(),
        }
    }
}

/// Words, strings, `&&`, `||` and other single characters of a Cedar text, with their offsets.
struct Tokens<'a>(&'a str, usize);

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let Self(text, offset) = *self;
        let blank = blank(text);
        let text = text.get(blank..)?;
        let first = text.chars().next()?;
        let length = match first {
            '"' => text.len() - after_string(text).len(),
            c if is_word(c) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
            _ if text.starts_with("&&") || text.starts_with("||") => 2,
            c => c.len_utf8(),
        };
        let (token, rest) = text.split_at_checked(length)?;
        *self = Self(rest, offset + blank + length);
        Some((offset + blank, token))
    }
}

const fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

/// What follows the string that `text` begins with.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return text.get(index + 1..).unwrap_or(""),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    ""
}

/// `text` from the first of `ends` on.
fn from(text: &str, ends: [char; 2]) -> &str {
    text.find(ends).and_then(|end| text.get(end..)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_brackets_within_brackets() {
        let nested = |n: usize| format!("{}{}", "([{".repeat(n), "}])".repeat(n));
        assert_eq!(excess(&nested(5)), None);
        assert_eq!(excess(&nested(6)).map(|(offset, _)| offset), Some(MAX_NESTING));
        assert_eq!(excess(&"()".repeat(1_000)), None);
    }

    #[test]
    fn counts_operators_of_each_policy() {
        for operator in ["&&", "||", "+", "-", "*", "if", "when", "unless"] {
            let policy = |n: usize| format!("permit{};", format!(" {operator} a").repeat(n));
            assert_eq!(excess(&policy(MAX_LINKS).repeat(3)), None, "{operator}");
            assert!(excess(&policy(MAX_LINKS + 1)).is_some(), "{operator}");
        }
        assert_eq!(excess(&"iffy whenever ".repeat(MAX_LINKS + 1)), None);
    }

    #[test]
    fn counts_dots_between_operators() {
        let dots = |n: usize| format!("context{}", ".a".repeat(n));
        assert_eq!(excess(&format!("{0} && {0}", dots(MAX_DOTS))), None);
        assert_eq!(excess(&format!("{0}; {0}", dots(MAX_DOTS))), None);
        assert!(excess(&dots(MAX_DOTS + 1)).is_some());
    }

    #[test]
    fn passes_over_strings_and_comments() {
        assert_eq!(excess(&format!("\"{}\\\"{}\"", "(".repeat(50), "(".repeat(50))), None);
        assert_eq!(excess(&format!("// {}\n", "(".repeat(50))), None);
    }

    #[test]
    fn sees_brackets_where_a_string_or_comment_has_ended() {
        for text in ["\"\\\\\"", "// x\r", "// x\n", "\"//\""] {
            assert!(excess(&format!("{text}{}", "(".repeat(50))).is_some(), "{text:?}");
        }
    }
}
