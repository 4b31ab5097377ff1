//! igraph's personalised PageRank, by its Python package: `igraph_rival.py` beside this folder is run on the same
//! edges. Only the call into its C library is timed, there.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::clock::Times;
use crate::table;
use crate::web::Web;

const NAME: &str = "igraph";
/// Names a Python that can `import igraph`.
pub const PYTHON: &str = "IGRAPH_PYTHON";

pub fn run(web: &Web, ours: Duration) {
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| "python3".into());
    let can_import = Command::new(&python).args(["-c", "import igraph"]).output();
    if !can_import.is_ok_and(|output| output.status.success()) {
        table::absent(NAME, &format!("not compared: no `import igraph`; name a Python that has it in {PYTHON}"));
        return;
    }
    let folder = std::env::temp_dir().join(format!("heirloom-speed-{}", std::process::id()));
    let answer = write(web, &folder).and_then(|file| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/igraph_rival.py");
        Command::new(&python).arg(script).arg(file).output()
    });
    // A folder that cannot be removed is left to the system's own cleaning.
    let _ = fs::remove_dir_all(&folder);
    match answer {
        Ok(output) if output.status.success() => {
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                if let Some((version, what, times)) = answer_of(line) {
                    table::whole(&format!("{NAME} {version}"), what, times, ours);
                }
            }
        }
        Ok(output) => table::absent(NAME, String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("failed")),
        Err(error) => table::absent(NAME, &error.to_string()),
    }
}

/// A line of the script: igraph's version, what was measured, and seconds of each run, separated by tabs.
fn answer_of(line: &str) -> Option<(&str, &str, Times)> {
    let mut fields = line.split('\t');
    let (version, what) = (fields.next()?, fields.next()?);
    let mut times = Times::default();
    for seconds in fields {
        times.push(Duration::from_secs_f64(seconds.parse().ok()?));
    }
    Some((version, what, times))
}

/// Little-endian: keys, edges and roots as counts, then roots, pairs of keys, all u64, then the weights as f64.
fn write(web: &Web, folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join("web.bin");
    let mut file = BufWriter::new(fs::File::create(&path)?);
    let roots: Vec<u32> = web.follows.iter().copied().chain([web.me]).collect();
    let counts = [u64::from(web.keys), web.trust().count() as u64, roots.len() as u64];
    let ends = web.trust().flat_map(|(from, to, _)| [u64::from(from), u64::from(to)]);
    for number in counts.into_iter().chain(roots.into_iter().map(u64::from)).chain(ends) {
        file.write_all(&number.to_le_bytes())?;
    }
    for (_, _, weight) in web.trust() {
        file.write_all(&weight.to_le_bytes())?;
    }
    file.flush()?;
    Ok(path)
}
