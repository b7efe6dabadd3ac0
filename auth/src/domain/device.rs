//! Logging in on another device (RFC 8628): the code that a person types, and what the waiting device is told.

use std::fmt;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{Code, Refusal};

/// No vowels, so that it makes no words; nothing that looks like something else (section 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;

/// The code that a person types: eight letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A code of these random bits.
    pub fn of(random: u64) -> Self {
        let digits = std::iter::successors(Some(random), |rest| Some(rest / 20));
        Self(
            digits
                .take(LETTERS)
                .filter_map(|rest| ALPHABET.get((rest % 20) as usize))
                .copied()
                .map(char::from)
                .collect(),
        )
    }

    /// Reads what a person typed: in any case, with whatever between the letters.
    pub fn parse(typed: &str) -> Option<Self> {
        let letters = typed.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase());
        let code: String = letters.take(LETTERS + 1).collect();
        let known = code.len() == LETTERS && code.bytes().all(|letter| ALPHABET.contains(&letter));
        known.then_some(Self(code))
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LETTERS / 2);
        write!(f, "{first}-{second}")
    }
}

/// What stands behind a device code that could not be redeemed just now.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub expires_at: OffsetDateTime,
    /// The user said no, or what was allowed was taken back before the device had it.
    pub denied: bool,
    /// The grant, if it was redeemed before.
    pub used_for: Option<Uuid>,
    /// When the device asked last, and how many seconds it was to wait then.
    pub polled_at: Option<OffsetDateTime>,
    pub poll_seconds: i32,
}

impl Waiting {
    /// What the device is told (section 3.5).
    pub fn refusal(&self, now: OffsetDateTime) -> Refusal {
        if self.used_for.is_some() {
            return Self::unknown();
        }
        if self.denied {
            return Code::AccessDenied.because("the user does not allow this");
        }
        if self.expires_at <= now {
            return Code::ExpiredToken.because("nobody has allowed this in time");
        }
        let wait = Duration::seconds(self.poll_seconds.into());
        if self.polled_at.is_some_and(|before| now - before < wait) {
            return Code::SlowDown.because("asked too soon; wait five seconds more from now on");
        }
        Code::AuthorizationPending.because("nobody has allowed this yet")
    }

    /// The refusal of a code that is not known, or was redeemed before.
    pub fn unknown() -> Refusal {
        Code::InvalidGrant.because("device_code is not valid")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = UserCode::of(0x0123_4567_89ab_cdef);
        let shown = code.to_string();
        assert_eq!((shown.len(), shown.find('-')), (9, Some(4)));
        for typed in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), format!(" {} ", shown.replace('-', ""))]
        {
            assert_eq!(UserCode::parse(&typed), Some(code.clone()), "{typed}");
        }
        for bad in ["", "BCDF-GHJ", "BCDF-GHJKL", "AEIO-UAEI", "BCDF-GHJ0", "ÄBCDFGHJ"] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn codes_of_all_bits_are_legal() {
        for random in [0, 1, 19, 20, u64::MAX, 0x5555_5555_5555_5555] {
            assert!(UserCode::parse(&UserCode::of(random).to_string()).is_some(), "{random}");
        }
    }

    #[test]
    fn a_device_is_told_what_there_is_to_tell() {
        let pending = Waiting {
            expires_at: NOW + Duration::minutes(1),
            denied: false,
            used_for: None,
            polled_at: None,
            poll_seconds: 5,
        };
        let told = |waiting: &Waiting| waiting.refusal(NOW).code;
        assert_eq!(told(&pending), Code::AuthorizationPending);
        assert_eq!(
            told(&Waiting { polled_at: Some(NOW - Duration::seconds(5)), ..pending.clone() }),
            Code::AuthorizationPending
        );
        assert_eq!(told(&Waiting { polled_at: Some(NOW - Duration::seconds(4)), ..pending.clone() }), Code::SlowDown);
        assert_eq!(told(&Waiting { denied: true, ..pending.clone() }), Code::AccessDenied);
        assert_eq!(told(&Waiting { expires_at: NOW, ..pending.clone() }), Code::ExpiredToken);
        assert_eq!(told(&Waiting { used_for: Some(Uuid::nil()), ..pending }), Code::InvalidGrant);
    }
}
