//! `LIKE` patterns.

use memchr::memmem::Finder;

use crate::kernel::Outcome;

/// One element of a pattern between two `%`.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// These bytes.
    Bytes(Vec<u8>),
    /// One code point (`_`).
    One,
}

/// What is between two `%`.
#[derive(Debug, Default)]
struct Segment {
    tokens: Vec<Token>,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    kind: Kind,
    /// Whether bytes decide: no `_`, and ASCII only. Else strings must be UTF-8.
    bytes_decide: bool,
}

#[derive(Debug)]
enum Kind {
    /// No `%`, no `_`.
    Equal(Vec<u8>),
    /// Has `%` but no `_`: what is before the first, between (none empty), and behind the last.
    Parts {
        prefix: Vec<u8>,
        middle: Vec<Finder<'static>>,
        suffix: Vec<u8>,
        shortest: usize,
    },
    /// Has `_`: the segments between `%`.
    Segments(Vec<Segment>),
}

impl Segment {
    fn push(&mut self, c: char) {
        if !matches!(self.tokens.last(), Some(Token::Bytes(_))) {
            self.tokens.push(Token::Bytes(Vec::new()));
        }
        if let Some(Token::Bytes(bytes)) = self.tokens.last_mut() {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn has_one(&self) -> bool {
        self.tokens.contains(&Token::One)
    }

    fn into_bytes(self) -> Vec<u8> {
        match self.tokens.into_iter().next() {
            Some(Token::Bytes(bytes)) => bytes,
            _ => Vec::new(),
        }
    }

    /// What is left of `text` behind a match at its start.
    fn matches_start<'a>(&self, mut text: &'a str) -> Option<&'a str> {
        for token in &self.tokens {
            text = match token {
                Token::Bytes(bytes) => text.strip_prefix(std::str::from_utf8(bytes).ok()?)?,
                Token::One => {
                    let mut characters = text.chars();
                    characters.next()?;
                    characters.as_str()
                }
            };
        }
        Some(text)
    }

    /// What is left of `text` before a match at its end.
    fn matches_end<'a>(&self, mut text: &'a str) -> Option<&'a str> {
        for token in self.tokens.iter().rev() {
            text = match token {
                Token::Bytes(bytes) => text.strip_suffix(std::str::from_utf8(bytes).ok()?)?,
                Token::One => {
                    let mut characters = text.chars();
                    characters.next_back()?;
                    characters.as_str()
                }
            };
        }
        Some(text)
    }

    /// What is left of `text` behind the first match in it.
    fn find<'a>(&self, mut text: &'a str) -> Option<&'a str> {
        loop {
            if let Some(rest) = self.matches_start(text) {
                return Some(rest);
            }
            let mut characters = text.chars();
            characters.next()?;
            text = characters.as_str();
        }
    }
}

impl Pattern {
    /// Compiles a pattern. It fails where the escape character is last or before another character
    /// than `_`, `%` and itself; patterns that are not UTF-8 are declined.
    pub fn compile(pattern: &[u8], escape: char) -> Outcome<Pattern> {
        let Ok(pattern) = std::str::from_utf8(pattern) else {
            return Outcome::Decline("LIKE pattern that is not UTF-8");
        };
        let mut segments = vec![Segment::default()];
        let mut characters = pattern.chars();
        while let Some(c) = characters.next() {
            let Some(last) = segments.last_mut() else {
                break;
            };
            match c {
                c if c == escape => match characters.next() {
                    Some(c) if c == '_' || c == '%' || c == escape => last.push(c),
                    _ => return Outcome::Fail,
                },
                '_' => last.tokens.push(Token::One),
                '%' => segments.push(Segment::default()),
                c => last.push(c),
            }
        }
        let has_one = segments.iter().any(Segment::has_one);
        let bytes_decide = !has_one && pattern.is_ascii();
        let kind = if has_one {
            Kind::Segments(segments)
        } else {
            let mut parts: Vec<Vec<u8>> = segments.into_iter().map(Segment::into_bytes).collect();
            let last = parts.pop().unwrap_or_default();
            if parts.is_empty() {
                Kind::Equal(last)
            } else {
                let prefix = parts.remove(0);
                parts.retain(|part| !part.is_empty());
                let shortest = prefix.len() + last.len();
                let finder = |part: &Vec<u8>| Finder::new(part).into_owned();
                let middle = parts.iter().map(finder).collect();
                Kind::Parts {
                    prefix,
                    middle,
                    suffix: last,
                    shortest,
                }
            }
        };
        Outcome::Value(Pattern { kind, bytes_decide })
    }

    /// Whether all of `text` is like the pattern.
    pub fn matches(&self, text: &[u8]) -> Outcome<bool> {
        if !self.bytes_decide && !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Outcome::Decline("LIKE of a string that is not UTF-8");
        }
        Outcome::Value(match &self.kind {
            Kind::Equal(value) => text == value,
            // An empty vector points nowhere: comparing with it takes some processors, whose
            // comparison is by masked loads, a hundred nanoseconds.
            Kind::Parts {
                prefix,
                middle,
                suffix,
                shortest,
            } => {
                text.len() >= *shortest
                    && (prefix.is_empty() || text.starts_with(prefix))
                    && (suffix.is_empty() || text.ends_with(suffix))
                    && contains_all(middle, &text[prefix.len()..text.len() - suffix.len()])
            }
            Kind::Segments(segments) => match std::str::from_utf8(text) {
                Ok(text) => matches_segments(segments, text),
                Err(_) => return Outcome::Decline("LIKE of a string that is not UTF-8"),
            },
        })
    }
}

/// Whether the strings occur one behind the other.
fn contains_all(parts: &[Finder<'static>], mut text: &[u8]) -> bool {
    for part in parts {
        match part.find(text) {
            Some(at) => text = &text[at + part.needle().len()..],
            None => return false,
        }
    }
    true
}

fn matches_segments(segments: &[Segment], text: &str) -> bool {
    let [first, middle @ .., last] = segments else {
        return match segments {
            [only] => only.matches_start(text).is_some_and(str::is_empty),
            _ => false,
        };
    };
    let Some(rest) = first.matches_start(text) else {
        return false;
    };
    let Some(mut rest) = last.matches_end(rest) else {
        return false;
    };
    for segment in middle {
        match segment.find(rest) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}
