//! HTTP/1.1 as RFC 9112 writes it and nothing looser: whoever reads the same bytes must see the same requests. It follows
//! the framing of a connection's requests; what is in them is for others to judge.

use memchr::{memchr, memchr2, memchr3};

/// A line of a head, of a trailer or before a chunk is shorter, whatever the setting.
const LONGEST_LINE: usize = 512 * 1024;
const LONGEST_CHUNK_LINE: usize = 256;

/// What names are made of (RFC 9110 §5.6.2). A table, for every byte of every name is looked up.
const TOKEN: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let (others, mut nth) = (b"!#$%&'*+-.^_`|~", 0);
    while nth < others.len() {
        table[others[nth] as usize] = true;
        nth += 1;
    }
    table
};

/// Where in its requests a connection is.
#[derive(Debug, Default)]
pub struct Grammar {
    place: Place,
    head: Head,
    // A line that began in an earlier piece.
    line: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    RequestLine,
    AfterEmptyLine,
    Headers,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
}

#[derive(Debug, Default, Clone, Copy)]
struct Head {
    old: bool,
    chunked: bool,
    length: Option<u64>,
}

impl Grammar {
    /// Follows the next piece. An error says how many of its bytes are good; nothing may be read after them.
    pub fn read(&mut self, piece: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < piece.len() {
            let rest = &piece[at..];
            match self.place {
                Place::Body(left) => {
                    let (taken, left) = skip(rest.len(), left);
                    at += taken;
                    self.place = if left == 0 { Place::RequestLine } else { Place::Body(left) };
                }
                Place::Chunk(left) => {
                    let (taken, left) = skip(rest.len(), left);
                    at += taken;
                    self.place = if left == 0 { Place::ChunkEnd } else { Place::Chunk(left) };
                }
                _ => at += self.line(rest).ok_or(at)?,
            }
        }
        Ok(())
    }

    /// Whether a head has begun that is not complete.
    pub fn is_in_head(&self) -> bool {
        match self.place {
            Place::RequestLine => !self.line.is_empty(),
            Place::AfterEmptyLine | Place::Headers => true,
            _ => false,
        }
    }

    // How many bytes were taken of `rest`, which begins within a line.
    fn line(&mut self, rest: &[u8]) -> Option<usize> {
        if let Some(line) = whole_line(rest).filter(|_| self.line.is_empty()) {
            self.place = self.after(line)?;
            return Some(line.len() + 2);
        }
        let Some(end) = memchr(b'\n', rest) else {
            self.line.extend_from_slice(rest);
            let chunk_line = matches!(self.place, Place::ChunkSize | Place::ChunkEnd);
            let longest = if chunk_line { LONGEST_CHUNK_LINE } else { LONGEST_LINE };
            return (self.line.len() <= longest).then_some(rest.len());
        };
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(&rest[..=end]);
        self.place = self.after(whole_line(&line)?)?;
        line.clear();
        self.line = line;
        Some(end + 1)
    }

    // Where a whole line leads to.
    fn after(&mut self, line: &[u8]) -> Option<Place> {
        match self.place {
            // One empty line before a request is to be ignored (RFC 9112 §2.2).
            Place::RequestLine if line.is_empty() => Some(Place::AfterEmptyLine),
            Place::RequestLine | Place::AfterEmptyLine => {
                self.head = Head { old: is_old(line)?, ..Head::default() };
                Some(Place::Headers)
            }
            Place::Headers if line.is_empty() => self.head.body(),
            Place::Headers => {
                let (name, value) = field(line)?;
                self.head.header(name, value).then_some(Place::Headers)
            }
            Place::ChunkSize => {
                chunk_size(line).map(|size| if size == 0 { Place::Trailers } else { Place::Chunk(size) })
            }
            Place::ChunkEnd => line.is_empty().then_some(Place::ChunkSize),
            Place::Trailers if line.is_empty() => Some(Place::RequestLine),
            Place::Trailers => field(line).map(|_| Place::Trailers),
            Place::Body(_) | Place::Chunk(_) => None,
        }
    }
}

impl Head {
    fn header(&mut self, name: &[u8], value: &[u8]) -> bool {
        if name.eq_ignore_ascii_case(b"content-length") {
            // RFC 9112 §6.3 lets equal ones pass as one; whoever sends two does not know how long the body is.
            let length = digits(value.trim_ascii(), 10);
            return length.is_some() && self.length.replace(length.unwrap_or(0)).is_none();
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let known = value.trim_ascii().eq_ignore_ascii_case(b"chunked") && !self.old;
            return known && !std::mem::replace(&mut self.chunked, true);
        }
        true
    }

    fn body(&self) -> Option<Place> {
        match (self.chunked, self.length) {
            (true, Some(_)) => None,
            (true, None) => Some(Place::ChunkSize),
            (false, Some(length)) if length > 0 => Some(Place::Body(length)),
            (false, _) => Some(Place::RequestLine),
        }
    }
}

// RFC 9112 §2.2: up to the first CR LF, before which there is none of them alone, and no NUL. Most lines come as a whole.
fn whole_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr3(b'\r', b'\n', b'\0', bytes)?;
    bytes[end..].starts_with(b"\r\n").then(|| &bytes[..end])
}

// RFC 9112 §3: single spaces, no fragment. Whether it is HTTP/1.0.
fn is_old(line: &[u8]) -> Option<bool> {
    let (words, old) = match line.split_last_chunk()? {
        (words, b" HTTP/1.1") => (words, false),
        (words, b" HTTP/1.0") => (words, true),
        _ => return None,
    };
    let target = &words[words.iter().position(|byte| *byte == b' ')? + 1..];
    (!target.is_empty() && memchr2(b' ', b'#', target).is_none()).then_some(old)
}

// RFC 9112 §5: the name comes first in the line and goes up to the colon, without a space; so no line is folded.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at(line.iter().position(|byte| !TOKEN[usize::from(*byte)])?);
    (!name.is_empty()).then_some((name, value.strip_prefix(b":")?))
}

// RFC 9112 §7.1, with extensions, which nobody here reads.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = line.split(|byte| *byte == b';').next()?;
    if line.len() > LONGEST_CHUNK_LINE || size.len() > 15 {
        return None;
    }
    digits(size, 16)
}

fn digits(text: &[u8], radix: u32) -> Option<u64> {
    let digit = |byte: &u8| char::from(*byte).to_digit(radix).map(u64::from);
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| Some(number * u64::from(radix) + digit(byte)?))
}

fn skip(here: usize, left: u64) -> (usize, u64) {
    let taken = usize::try_from(left).map_or(here, |left| left.min(here));
    (taken, left - taken as u64)
}

#[cfg(test)]
mod tests;
