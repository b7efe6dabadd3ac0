//! HTTP/1.1 or, told by its first bytes (RFC 9113 §3.4), HTTP/2.

use std::io;

use http::Version;
use tokio::io::AsyncReadExt;

use super::Stream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads until it is clear, and answers what was read with it. `None` if nothing came.
pub async fn version(stream: &mut Stream) -> io::Result<Option<(Version, Vec<u8>)>> {
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
        match stream.read(&mut first[length..]).await? {
            0 if length == 0 => return Ok(None),
            0 => break,
            read => length += read,
        }
    }
    let version = if first[..length] == *PREFACE { Version::HTTP_2 } else { Version::HTTP_11 };
    Ok(Some((version, first[..length].to_vec())))
}
