//! How a user is to be asked: `prompt`, `max_age` (OpenID Connect Core, section 3.1.2.1).

use time::{Duration, OffsetDateTime};

use crate::domain::{Code, Refusal};

const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// How a user is to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// No page may be shown: what is missing is an error.
    pub silent: bool,
    /// The password is asked for, also of who is logged in. `select_account` means this as well: who logs in says who
    /// they are.
    pub login: bool,
    /// Consent is asked for, also if it was given before.
    pub consent: bool,
    /// How long ago the password may have been checked.
    pub max_age: Option<Duration>,
}

impl Asking {
    /// Reads `prompt` and `max_age`.
    pub fn parse(prompt: Option<&str>, max_age: Option<&str>) -> Result<Self, Refusal> {
        let prompts: Vec<_> = prompt.unwrap_or_default().split(' ').filter(|it| !it.is_empty()).collect();
        if prompts.iter().any(|it| !PROMPTS.contains(it)) {
            return Err(Code::InvalidRequest.because("prompt is none, or any of login, consent and select_account"));
        }
        let wants = |name| prompts.contains(&name);
        if wants("none") && prompts.len() > 1 {
            return Err(Code::InvalidRequest.because("prompt=none stands alone"));
        }
        let max_age = max_age.map(|text| {
            let seconds = text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
            seconds.ok_or_else(|| Code::InvalidRequest.because("max_age is a number of seconds"))
        });
        Ok(Self {
            silent: wants("none"),
            login: wants("login") || wants("select_account"),
            consent: wants("consent"),
            max_age: max_age.transpose()?.map(|seconds| Duration::seconds(seconds.into())),
        })
    }

    /// Whether a password that was checked at `authenticated_at` will do; it does if this request `has_just` asked for
    /// it.
    pub fn is_met_by(&self, authenticated_at: OffsetDateTime, has_just: bool, now: OffsetDateTime) -> bool {
        has_just || (!self.login && self.max_age.is_none_or(|longest| now - authenticated_at <= longest))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    #[test]
    fn prompts_are_read_and_none_stands_alone() {
        let read = |prompt| Asking::parse(Some(prompt), None);
        assert!(read("none").unwrap().silent);
        let both = read("login  consent").unwrap();
        assert!(both.login && both.consent && !both.silent);
        assert!(read("select_account").unwrap().login);
        assert_eq!(read("").unwrap(), Asking::default());
        for bad in ["none login", "create", "Login", "login,consent"] {
            assert_eq!(read(bad).unwrap_err().code, Code::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn an_age_is_a_number_of_seconds() {
        let read = |age| Asking::parse(None, Some(age));
        assert_eq!(read("10").unwrap().max_age, Some(Duration::seconds(10)));
        for bad in ["-1", "1.5", "+1", "x", "99999999999999999999", " 1"] {
            assert_eq!(read(bad).unwrap_err().code, Code::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn a_login_is_good_until_it_is_too_old_or_a_new_one_is_wanted() {
        let before = NOW - Duration::seconds(60);
        let asking = |prompt, age| Asking::parse(prompt, age).unwrap();
        assert!(asking(None, None).is_met_by(before, false, NOW));
        assert!(asking(None, Some("60")).is_met_by(before, false, NOW));
        assert!(!asking(None, Some("59")).is_met_by(before, false, NOW));
        assert!(!asking(Some("login"), None).is_met_by(before, false, NOW));
        // Once it was asked for on behalf of this request, it is not asked for again.
        for wish in [asking(Some("login"), None), asking(None, Some("0"))] {
            assert!(!wish.is_met_by(before, false, NOW) && wish.is_met_by(before, true, NOW));
        }
    }
}
