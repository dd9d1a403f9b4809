//! What the surroundings say about the terminal, read from values that the caller took from the
//! environment. Nothing is asked of the terminal here (that is `probe`).

use std::time::Duration;

use crate::i18n::Lang;
use crate::view::theme::Scheme;

/// The variables that matter; `of_process` reads the real ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `TERM`, the kind of terminal; `linux` is the console without hanzi.
    pub term: Option<String>,
    /// `NO_COLOR`; any value that is not empty asks for no colour.
    pub no_color: Option<String>,
    /// `SSH_CONNECTION`; set, whatever its value, means a remote terminal and fewer frames.
    pub ssh_connection: Option<String>,
}

impl Environment {
    /// Reads the variables of this process; one that is not Unicode counts as empty.
    pub fn of_process() -> Environment {
        let read = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Environment {
            term: read("TERM"),
            no_color: read("NO_COLOR"),
            ssh_connection: read("SSH_CONNECTION"),
        }
    }

    /// Returns the language to start in: the Linux console cannot show hanzi (512 glyphs).
    pub fn lang(&self) -> Lang {
        if self.term.as_deref() == Some("linux") { Lang::En } else { Lang::Zh }
    }

    /// Returns the colours to start with (no-color.org: any value that is not empty).
    pub fn scheme(&self) -> Scheme {
        match self.no_color.as_deref() {
            None | Some("") => Scheme::Colour,
            Some(_) => Scheme::Mono,
        }
    }

    /// Returns the least time between two frames: 60 a second here, 20 over SSH.
    pub fn frame_interval(&self) -> Duration {
        let frames_per_second = if self.ssh_connection.is_some() { 20 } else { 60 };
        Duration::from_secs(1) / frames_per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surroundings_choose() {
        let bare = Environment::default();
        assert_eq!((bare.lang(), bare.scheme()), (Lang::Zh, Scheme::Colour));
        assert_eq!(bare.frame_interval(), Duration::from_nanos(16_666_666));
        let console = Environment {
            term: Some("linux".into()),
            no_color: Some("1".into()),
            ssh_connection: Some("x".into()),
        };
        assert_eq!((console.lang(), console.scheme()), (Lang::En, Scheme::Mono));
        assert_eq!(console.frame_interval(), Duration::from_millis(50));
        let empty = Environment { no_color: Some(String::new()), ..bare };
        assert_eq!(empty.scheme(), Scheme::Colour);
    }
}
