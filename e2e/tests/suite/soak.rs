//! What comes and goes leaves nothing behind: the short form of `cargo retail soak`.

use std::time::Duration;

use e2e::soak;
use launch::Temporary;

use crate::setting::programs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_come_and_go_under_load_leave_no_permit_handle_or_order_behind() {
    let directory = Temporary::new("soak").unwrap();
    let settings = soak::Settings {
        programs: &programs(),
        directory: directory.path(),
        seed: 20_261_121,
        rate: 20,
        warm_up: Duration::from_secs(5),
        lasts: Duration::from_secs(40),
        look: Duration::from_secs(1),
    };
    let report = soak::run(&settings).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{report}");
    assert!(report.left_behind.is_empty(), "{report}");
    assert_eq!(report.faults.len(), 5, "{report}");
    assert!(report.faults.values().all(|(declared, _)| *declared > 0), "{report}");
}
