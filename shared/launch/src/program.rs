//! Finds programs that are installed, but often not in the PATH.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// `name` in the PATH, or in one of the `other` directories.
pub(crate) fn find(name: &str, other: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(other.iter().map(PathBuf::from));
    directories.map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// The directory with PostgreSQL's server programs; the newest if there are several.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    in_path().or_else(debian).or_else(homebrew).or_else(pg_config)
}

/// The library that tells a process another time, for processes with several threads.
pub(crate) fn faketime() -> Option<PathBuf> {
    let debian = Path::new("/usr/lib").read_dir().into_iter().flatten().flatten().map(|it| it.path());
    let roots = debian.chain([PathBuf::from("/usr/lib64"), PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")]);
    roots.map(|root| root.join("faketime/libfaketimeMT.so.1")).find(|file| file.is_file())
}

fn in_path() -> Option<PathBuf> {
    // Links in the PATH point to programs that look for their files beside themselves.
    let postgres = find("postgres", &[])?.canonicalize().ok()?;
    complete(postgres.parent()?)
}

fn debian() -> Option<PathBuf> {
    newest(Path::new("/usr/lib/postgresql"), "")
}

fn homebrew() -> Option<PathBuf> {
    ["/opt/homebrew/opt", "/usr/local/opt"].iter().find_map(|root| newest(Path::new(root), "postgresql@"))
}

fn pg_config() -> Option<PathBuf> {
    let answer = Command::new("pg_config").arg("--bindir").output().ok()?;
    complete(Path::new(String::from_utf8(answer.stdout).ok()?.trim()))
}

fn newest(root: &Path, prefix: &str) -> Option<PathBuf> {
    let entries = root.read_dir().ok()?.flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, complete(&entry.path().join("bin"))?))
        })
        .collect();
    versions.sort();
    versions.pop().map(|(_, directory)| directory)
}

fn complete(directory: &Path) -> Option<PathBuf> {
    let whole = directory.join("postgres").is_file() && directory.join("initdb").is_file();
    whole.then(|| directory.to_owned())
}
