//! Code points of byte strings the way `UTF8String` sees them: by lead byte alone.
//!
//! A string may end inside a code point, as its lead byte has it. `UTF8String` then reads beyond
//! the string's end; functions that would do so give `None`, and the batch is left to Spark.

use std::ops::Range;

use memchr::memmem;

/// The bytes of a code point by its first byte; bytes that can't be first count one.
#[inline(always)]
pub(super) fn width(first: u8) -> usize {
    match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

/// The number of code points (`UTF8String.numChars`).
pub(super) fn count(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let (mut position, mut count) = (0, 0);
    while position < text.len() {
        position += width(text[position]);
        count += 1;
    }
    count
}

/// The position behind `count` code points from `from` on, or the end if there are fewer (maybe
/// beyond the text's).
fn advance(text: &[u8], from: usize, count: usize) -> usize {
    let (mut position, mut left) = (from, count);
    while position < text.len() && left > 0 {
        position += width(text[position]);
        left -= 1;
    }
    position
}

/// The bytes of code points `start` up to `until`, which may lie anywhere
/// (`UTF8String.substring`).
pub(super) fn range(text: &[u8], start: i64, until: i64) -> Option<Range<usize>> {
    if until <= start || start >= text.len() as i64 {
        return Some(0..0);
    }
    let skipped = start.max(0) as usize;
    if text.is_ascii() {
        let end = until.clamp(0, text.len() as i64) as usize;
        return Some(if skipped < end { skipped..end } else { 0..0 });
    }
    // Code points are counted from 0 even where `start` is negative.
    let first = advance(text, 0, skipped);
    let wanted = until.max(0) as usize - skipped.min(until.max(0) as usize);
    let end = advance(text, first, wanted);
    (end <= text.len()).then_some(first..end)
}

/// The bytes of a SQL substring: from `position`, counted from 1 or, if negative, from the end; 0
/// means 1 (`UTF8String.substringSQL`).
pub(super) fn substring(text: &[u8], position: i32, length: i32) -> Option<Range<usize>> {
    let start = match i64::from(position) {
        p if p > 0 => p - 1,
        p if p < 0 => count(text) as i64 + p,
        _ => 0,
    };
    let until = (start + i64::from(length)).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    range(text, start, until)
}

/// The index of the code point, at or behind the one of index `start`, where `needle` occurs; 0 if
/// it is empty (`UTF8String.indexOf`).
pub(super) fn index_of(text: &[u8], needle: &[u8], start: usize) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    let (mut position, mut index) = (0, 0);
    while position < text.len() && index < start {
        position += width(text[position]);
        index += 1;
    }
    if index < start {
        return None;
    }
    let finder = memmem::Finder::new(needle);
    let mut from = position;
    while from <= text.len() {
        let found = from + finder.find(&text[from..])?;
        while position < found {
            position += width(text[position]);
            index += 1;
        }
        if position == found {
            return Some(index);
        }
        from = position;
    }
    None
}

/// The code points in reverse order (`UTF8String.reverse`), appended to `out`.
pub(super) fn reverse(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if text.is_ascii() {
        out.extend(text.iter().rev());
        return Some(());
    }
    out.resize(text.len(), 0);
    let mut position = 0;
    while position < text.len() {
        let width = width(text[position]);
        let point = text.get(position..position + width)?;
        let end = text.len() - position;
        out[end - width..end].copy_from_slice(point);
        position += width;
    }
    Some(())
}

/// The bytes of each code point.
pub(super) fn points(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut points = Vec::with_capacity(text.len());
    let mut position = 0;
    while position < text.len() {
        let end = position + width(text[position]);
        points.push(text.get(position..end)?);
        position = end;
    }
    Some(points)
}

/// The bytes without leading and trailing 0x20.
pub(super) fn trim_spaces(text: &[u8], left: bool, right: bool) -> Range<usize> {
    let start = match left {
        true => text.iter().take_while(|&&b| b == b' ').count(),
        false => 0,
    };
    let trailing = match right {
        true => text[start..]
            .iter()
            .rev()
            .take_while(|&&b| b == b' ')
            .count(),
        false => 0,
    };
    start..text.len() - trailing
}

/// The bytes without leading and trailing characters of a set.
pub(super) fn trim_set(text: &str, set: &str, left: bool, right: bool) -> Range<usize> {
    let rest = match left {
        true => text.trim_start_matches(|c| set.contains(c)),
        false => text,
    };
    let start = text.len() - rest.len();
    let kept = match right {
        true => rest.trim_end_matches(|c| set.contains(c)),
        false => rest,
    };
    start..start + kept.len()
}

/// The bytes before the `count`th delimiter, or behind the last but `-count` ones; delimiters may
/// overlap (`UTF8String.subStringIndex`).
pub(super) fn substring_index(text: &[u8], delimiter: &[u8], count: i32) -> Option<Range<usize>> {
    if delimiter.is_empty() || count == 0 {
        return Some(0..0);
    }
    let wanted = count.checked_abs()?;
    if count > 0 {
        let finder = memmem::Finder::new(delimiter);
        let mut from = 0;
        let mut found = 0;
        for _ in 0..wanted {
            match text.get(from..).and_then(|rest| finder.find(rest)) {
                Some(at) => found = from + at,
                None => return Some(0..text.len()),
            }
            from = found + 1;
        }
        return Some(0..found);
    }
    let finder = memmem::FinderRev::new(delimiter);
    let mut end = text.len();
    let mut found = 0;
    for _ in 0..wanted {
        match finder.rfind(&text[..end]) {
            Some(at) => found = at,
            None => return Some(0..text.len()),
        }
        // The next one may overlap this one, but starts before it.
        end = found + delimiter.len() - 1;
    }
    Some(found + delimiter.len()..text.len())
}
