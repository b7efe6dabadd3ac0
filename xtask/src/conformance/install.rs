//! The clients: installed by name and exact version below the target directory, and how each is run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::{programs, root, run, target};

/// A client and the script that uses it.
pub struct Client {
    /// Its package.
    pub name: &'static str,
    language: Language,
    script: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    JavaScript,
    Python,
    Rust,
}

/// All that there are.
pub const CLIENTS: &[Client] = &[
    Client { name: "openid-client", language: Language::JavaScript, script: "openid-client.mjs" },
    Client { name: "oauth4webapi", language: Language::JavaScript, script: "oauth4webapi.mjs" },
    Client { name: "oidc-client-ts", language: Language::JavaScript, script: "oidc-client-ts.mjs" },
    Client { name: "Authlib", language: Language::Python, script: "authlib_client.py" },
    Client { name: "idpyoidc", language: Language::Python, script: "idpyoidc_client.py" },
    Client { name: "openidconnect", language: Language::Rust, script: "conformance" },
];

/// Where the installed clients lie.
pub struct Installed(PathBuf);

impl Installed {
    /// Installs what `clients` need, unless just that is there.
    pub fn all(clients: &[&Client]) -> Result<Self> {
        let installed = Self(target()?.join("conformance"));
        let needs = |language| clients.iter().any(|client| client.language == language);
        if needs(Language::JavaScript) {
            let version = version_of("node", "Node.js 20 or later (Debian: apt-get install nodejs npm)")?;
            let major = version.trim_start_matches('v').split('.').next().and_then(|it| it.parse::<u32>().ok());
            ensure!(major.is_some_and(|major| major >= 20), "Node.js {version} is here; 20 or later is needed");
            version_of("npm", "npm (Debian: apt-get install npm)")?;
            installed.javascript()?;
        }
        if needs(Language::Python) {
            version_of("python3", "Python 3.11 or later with pip and venv (Debian: apt-get install python3-venv)")?;
            installed.python()?;
        }
        Ok(installed)
    }

    // Modules are looked for beside the script that names them, so the scripts are laid beside the modules.
    fn javascript(&self) -> Result<()> {
        let directory = self.0.join("node");
        let same = lay(&here("node"), &directory, "package.json")?;
        if !same {
            println!("installing what {} names", here("node/package.json").display());
            let mut npm = Command::new("npm");
            npm.args([
                "install",
                "--no-package-lock",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ]);
            run(npm.current_dir(&directory))?;
            keep(&directory, "package.json")?;
        }
        Ok(())
    }

    fn python(&self) -> Result<()> {
        let directory = self.0.join("python");
        let same = lay(&here("python"), &directory, "requirements.txt")?;
        if !same {
            println!("installing what {} names", here("python/requirements.txt").display());
            let environment = directory.join("environment");
            let make = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
            make.context("Python's venv is missing (Debian: apt-get install python3-venv)")?;
            let mut pip = Command::new(environment.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
            run(pip.arg(directory.join("requirements.txt")))?;
            keep(&directory, "requirements.txt")?;
        }
        Ok(())
    }

    /// How the script of a client is run.
    pub fn command(&self, client: &Client) -> Result<Command> {
        let mut command = match client.language {
            Language::JavaScript => Command::new("node"),
            Language::Python => Command::new(self.0.join("python/environment/bin/python")),
            Language::Rust => return Ok(Command::new(programs(false)?.join(client.script))),
        };
        let directory = if client.language == Language::JavaScript { "node" } else { "python" };
        command.arg(client.script).current_dir(self.0.join(directory));
        // No proxy stands between us and loopback.
        command.env("NO_PROXY", "127.0.0.1,localhost").env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }

    /// The client with its version, from where it is fixed.
    pub fn shown(client: &Client) -> Result<String> {
        let (file, mark, end) = match client.language {
            Language::JavaScript => (here("node/package.json"), format!("\"{}\": \"", client.name), '"'),
            Language::Python => (here("python/requirements.txt"), format!("{}==", client.name), '\n'),
            Language::Rust => (root().join("Cargo.lock"), format!("name = \"{}\"\nversion = \"", client.name), '"'),
        };
        let text = fs::read_to_string(&file)?;
        let version = text.split_once(&mark).and_then(|(_, rest)| rest.split(end).next());
        let version = version.with_context(|| format!("{} does not name {}", file.display(), client.name))?;
        Ok(format!("{} {version}", client.name))
    }
}

fn here(path: &str) -> PathBuf {
    root().join("auth/conformance").join(path)
}

/// Copies the files of `from` to `to`; whether what was installed there is still what `list` names.
fn lay(from: &Path, to: &Path, list: &str) -> Result<bool> {
    fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(fs::read(to.join("installed")).is_ok_and(|there| fs::read(to.join(list)).is_ok_and(|wanted| wanted == there)))
}

fn keep(directory: &Path, list: &str) -> Result<()> {
    fs::copy(directory.join(list), directory.join("installed"))?;
    Ok(())
}

fn version_of(program: &str, needed: &str) -> Result<String> {
    let answer = Command::new(program).arg("--version").stderr(Stdio::null()).output();
    match answer {
        Ok(answer) if answer.status.success() => Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned()),
        _ => bail!("`{program}` is not on this machine; conformance needs {needed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_script_and_an_exact_version() {
        for client in CLIENTS {
            let shown = Installed::shown(client).unwrap();
            assert!(shown.ends_with(|last: char| last.is_ascii_digit()), "{shown}");
            let script = match client.language {
                Language::JavaScript => here("node").join(client.script),
                Language::Python => here("python").join(client.script),
                Language::Rust => here("rust/Cargo.toml"),
            };
            assert!(script.is_file(), "{}", script.display());
        }
    }

    #[test]
    fn every_test_that_stands_for_a_module_is_there() {
        let readme = fs::read_to_string(here("README.md")).unwrap();
        let (_, tables) = readme.split_once("## The certification plans' modules").unwrap();
        let words = tables.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        // Names of tests are sentences.
        let named: Vec<_> = words.filter(|word| word.matches('_').count() > 2).collect();
        let mut tests = String::new();
        let mut directories = vec![root().join("auth/tests/api"), root().join("shared/proof/src")];
        while let Some(directory) = directories.pop() {
            for entry in directory.read_dir().unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    directories.push(entry.path());
                } else {
                    tests += &fs::read_to_string(entry.path()).unwrap();
                }
            }
        }
        let missing: Vec<_> = named.iter().filter(|name| !tests.contains(&format!("fn {name}("))).collect();
        assert!(named.len() > 50 && missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_package_that_only_looks_like_the_python_client_is_not_installed() {
        let wanted = fs::read_to_string(here("python/requirements.txt")).unwrap().to_lowercase();
        assert!(wanted.contains("idpyoidc==") && !wanted.lines().any(|line| line.starts_with("pyoidc")));
    }
}
