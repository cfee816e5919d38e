//! Where the configuration is looked for.

use std::fmt;
use std::path::{Path, PathBuf};

/// No configuration was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// Each place that was looked at, and why nothing was found there.
    pub looked: Vec<(String, String)>,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no configuration was found; it was looked for at")?;
        for (place, reason) in &self.looked {
            write!(f, "\n  {place}: {reason}")?;
        }
        f.write_str("\nhint: write a `syncdeck.toml`, or name one by `-c FILE`; `syncdeck demo` needs none")
    }
}

impl std::error::Error for NotFound {}

/// The configuration's path: `explicit`, else `$SYNCDECK_CONFIG`, else `syncdeck.toml` in `cwd`, else in the
/// user's configuration folder. A path that a person named is the only one that is tried.
pub fn find(explicit: Option<&Path>, env: &dyn Fn(&str) -> Option<String>, cwd: &Path) -> Result<PathBuf, NotFound> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(path) = explicit {
        return named(path, "-c", cwd, Vec::new());
    }
    let mut looked = Vec::new();
    match set("SYNCDECK_CONFIG") {
        Some(path) => return named(Path::new(&path), "$SYNCDECK_CONFIG", cwd, looked),
        None => looked.push(("$SYNCDECK_CONFIG".to_owned(), "not set".to_owned())),
    }
    let here = PathBuf::from("syncdeck.toml");
    match why_not(&cwd.join(&here)) {
        None => return Ok(here),
        Some(reason) => looked.push(("./syncdeck.toml".to_owned(), reason)),
    }
    let Some(folder) = user_folder(env) else {
        looked.push(("$XDG_CONFIG_HOME/syncdeck/syncdeck.toml".to_owned(), "not set, and no $HOME".to_owned()));
        return Err(NotFound { looked });
    };
    let path = folder.join("syncdeck.toml");
    match why_not(&path) {
        None => Ok(path),
        Some(reason) => {
            looked.push((path.display().to_string(), reason));
            Err(NotFound { looked })
        }
    }
}

/// Where a new configuration is found without being named: `$SYNCDECK_CONFIG`, else `syncdeck.toml` here.
pub fn place_of_new(env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    env("SYNCDECK_CONFIG").filter(|value| !value.is_empty()).map_or_else(|| "syncdeck.toml".into(), PathBuf::from)
}

/// The folder of the user's configuration; none where no variable leads to one.
pub fn user_folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CONFIG_HOME")
        .filter(|path| Path::new(path).is_absolute())
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")));
    folder.map(|folder| folder.join("syncdeck"))
}

fn named(path: &Path, by: &str, cwd: &Path, mut looked: Vec<(String, String)>) -> Result<PathBuf, NotFound> {
    match why_not(&cwd.join(path)) {
        None => Ok(path.to_owned()),
        Some(reason) => {
            looked.push((format!("{} ({by})", path.display()), reason));
            Err(NotFound { looked })
        }
    }
}

/// Why nothing can be read at `path`; none when something can. A pipe is as good as a file.
fn why_not(path: &Path) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Some("it is a folder".to_owned()),
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("not found".to_owned()),
        Err(error) => Some(error.kind().to_string()),
    }
}
