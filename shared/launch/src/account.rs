//! PostgreSQL refuses to run as root. Then it runs as an unprivileged user, and its directories belong to that user.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use nix::unistd::{User, geteuid};

/// Whom a server that refuses root runs as: `None` is ourselves.
pub(crate) struct Account(Option<User>);

impl Account {
    /// Ourselves, or if we are root the user `postgres` (every package makes it), or else `nobody`.
    pub(crate) fn unprivileged() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self(None));
        }
        let found = User::from_name("postgres")?.or(User::from_name("nobody")?);
        Ok(Self(Some(found.context("PostgreSQL cannot run as root, and there is no user `postgres` or `nobody`")?)))
    }

    /// A command that runs as this user.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Otherwise the server inherits a directory that this user may not enter.
        command.current_dir("/");
        if let Some(user) = &self.0 {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Makes `path` (a file, or a directory closed to others) this user's.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        if let Some(user) = &self.0 {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .with_context(|| format!("cannot give {} to {}", path.display(), user.name))?;
        }
        Ok(())
    }

    /// `wanted`, or, where this user cannot get there (a check-out in root's home), a directory named after
    /// it under `/var/lib/retail-suite`.
    pub(crate) fn reachable(&self, wanted: &Path) -> Result<PathBuf> {
        if self.0.is_none() || wanted.ancestors().skip(1).all(open_to_all) {
            return Ok(wanted.to_owned());
        }
        let root = Path::new("/var/lib/retail-suite");
        fs::create_dir_all(root)?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        Ok(root.join(wanted.to_string_lossy().trim_start_matches('/').replace('/', "-")))
    }
}

fn open_to_all(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|it| it.mode() & 0o001 != 0) || directory.as_os_str().is_empty()
}
