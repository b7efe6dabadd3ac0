//! How long the processors worked for a process, as Linux counts it. It says what a request costs even while the machine
//! has other things to do, when rates say little.

use std::{fs, path::Path, time::Duration};

/// By all threads of a process and of its children, so far.
pub fn of(process: u32) -> Duration {
    let at = format!("/proc/{process}/task");
    let tasks: Vec<_> = fs::read_dir(Path::new(&at)).into_iter().flatten().flatten().map(|it| it.path()).collect();
    let own: u64 = tasks.iter().filter_map(|task| nanoseconds(&task.join("schedstat"))).sum();
    let children = tasks.iter().filter_map(|task| fs::read_to_string(task.join("children")).ok());
    let children: Vec<u32> = children.flat_map(|it| numbers(&it)).collect();
    children.into_iter().map(of).fold(Duration::from_nanos(own), |sum, it| sum + it)
}

fn nanoseconds(schedstat: &Path) -> Option<u64> {
    fs::read_to_string(schedstat).ok()?.split(' ').next()?.parse().ok()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|it| it.parse().ok()).collect()
}
