//! The processes' logs on the terminal, each line after its process' name.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use launch::suite::Status;

/// How far each log was shown.
#[derive(Default)]
pub(super) struct Logs(HashMap<PathBuf, u64>);

impl Logs {
    /// Prints what was written since the last call; before the first, nothing.
    pub(super) fn show_new(&mut self, instances: &[Status]) {
        for instance in instances {
            let length = instance.log.metadata().map_or(0, |it| it.len());
            let shown = self.0.entry(instance.log.clone()).or_insert(length);
            let (text, until) = whole_lines(&instance.log, *shown).unwrap_or_default();
            for line in text.lines() {
                println!("{:<12} {line}", instance.id);
            }
            *shown += until;
        }
    }
}

/// The complete lines after `offset`, and how many bytes they are.
fn whole_lines(log: &Path, offset: u64) -> std::io::Result<(String, u64)> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
    Ok((String::from_utf8_lossy(&bytes[..end]).into_owned(), end as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_when_it_is_whole() {
        let directory = launch::Temporary::new("logs").unwrap();
        let log = directory.path().join("log");
        std::fs::write(&log, "one\ntwo\nthr").unwrap();
        assert_eq!(whole_lines(&log, 0).unwrap(), ("one\ntwo\n".to_owned(), 8));
        assert_eq!(whole_lines(&log, 8).unwrap(), (String::new(), 0));
    }
}
