//! The one point at which this process is to die, and dying there.

use std::{
    fmt,
    io::{Write, stderr},
    process::abort,
    str::FromStr,
    sync::OnceLock,
};

use crate::Moment;

/// Where to die: `reserve stock: before`, or only where the point is about something, `ask (reserve stock): after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    name: String,
    of: Option<String>,
    moment: Moment,
}

/// That is not where one can die.
#[derive(Debug)]
pub struct Malformed;

static ARMED: OnceLock<At> = OnceLock::new();

/// From now on this process dies when it comes there. Said once, at the start.
pub fn arm(at: At) {
    // A second service in the same process does not disarm the first.
    let _ = ARMED.set(at);
}

/// Dies as by SIGKILL: nothing is flushed, closed or taken back.
pub(crate) fn die_if_told(name: &str, of: Option<&str>, moment: Moment) {
    let Some(at) = ARMED.get().filter(|at| at.is_here(name, of, moment)) else { return };
    let _ = writeln!(stderr(), "crashed at {at}");
    abort();
}

impl At {
    fn is_here(&self, name: &str, of: Option<&str>, moment: Moment) -> bool {
        self.moment == moment && self.name == name && (self.of.is_none() || self.of.as_deref() == of)
    }
}

impl FromStr for At {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (point, moment) = text.rsplit_once(": ").ok_or(Malformed)?;
        let moment = match moment {
            "before" => Moment::Before,
            "after" => Moment::After,
            _ => return Err(Malformed),
        };
        let (name, of) = match point.split_once(" (") {
            Some((name, of)) => (name, Some(of.strip_suffix(')').ok_or(Malformed)?.to_owned())),
            None => (point, None),
        };
        let name = name.trim().to_owned();
        if name.is_empty() { Err(Malformed) } else { Ok(Self { name, of, moment }) }
    }
}

impl fmt::Display for At {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = if self.moment == Moment::Before { "before" } else { "after" };
        match &self.of {
            Some(of) => write!(out, "{} ({of}): {moment}", self.name),
            None => write!(out, "{}: {moment}", self.name),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "must be `NAME: before` or `NAME (OF WHAT): after`")
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["reserve stock: before", "ask (reserve stock): after"] {
            assert_eq!(text.parse::<At>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn another_form_is_refused() {
        for text in ["", "reserve stock", "reserve stock: during", ": before", "ask (reserve stock: after"] {
            assert!(text.parse::<At>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_point_about_something_else_is_another_one() {
        let any: At = "ask: after".parse().unwrap();
        let one: At = "ask (reserve stock): after".parse().unwrap();
        assert!(any.is_here("ask", Some("reserve stock"), Moment::After));
        assert!(one.is_here("ask", Some("reserve stock"), Moment::After));
        assert!(!one.is_here("ask", Some("book shipment"), Moment::After));
        assert!(!any.is_here("ask", None, Moment::Before));
    }
}
