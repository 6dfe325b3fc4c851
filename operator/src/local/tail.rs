use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

const LOOK_BACK: u64 = 4096;

/// The last line of a log: most often the reason why a process ended.
pub(super) fn last_line(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOOK_BACK))).ok()?;
    let mut bytes = Vec::new();
    file.take(LOOK_BACK).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_with_words_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(last_line(file.path()), None);
        let long = "x".repeat(5000);
        std::fs::write(file.path(), format!("{long}\nfirst\nerror: no such host\n\n")).unwrap();
        assert_eq!(last_line(file.path()).as_deref(), Some("error: no such host"));
        assert_eq!(last_line(Path::new("/nowhere/at.log")), None);
    }
}
