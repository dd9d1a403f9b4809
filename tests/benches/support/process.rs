//! What this process costs, as `/proc` tells it; 0 where there is none.

/// A figure of a process in `/proc`, where there is one: 0 elsewhere.
pub fn proc_figure(file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Seconds of processor time that this process has used, where `/proc` tells (Linux: ticks of
/// 10 ms).
pub fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    let fields = after.split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Forgets the highest memory so far, so that the next peak is of what follows (Linux).
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The highest memory since, in megabytes.
pub fn peak_mb() -> f64 {
    proc_figure("status", "VmHWM:") as f64 / 1024.0
}
