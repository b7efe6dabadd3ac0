//! Numbers with bounds: what is out of them is a fault in the line where it stands.

use serde::Deserialize;

/// A whole number from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Within<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Within<LEAST, MOST> {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32> TryFrom<i64> for Within<LEAST, MOST> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        let within = u32::try_from(number).ok().filter(|it| (LEAST..=MOST).contains(it));
        within.map(Self).ok_or_else(|| format!("{number} is not from {LEAST} to {MOST}"))
    }
}
