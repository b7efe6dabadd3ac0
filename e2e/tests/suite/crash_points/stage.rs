//! Where a scenario is played: a suite, the people who use it, and the one process that is to die at a point.

use std::{
    cell::{Cell, RefCell},
    fs,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use e2e::{Answer, Shopper, invariants, patiently};
use futures::future::LocalBoxFuture;
use launch::suite::Suite;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::setting::{databases, own_suite};

const LOOK: Duration = Duration::from_millis(20);
/// How long a process may live on after its scenario has ended well.
const LATE: Duration = Duration::from_secs(10);

/// How long everything may take to come to rest.
const REST: Duration = Duration::from_mins(1);

/// What is done while the process dies, and what must hold afterwards.
pub type Deed = for<'a> fn(&'a Stage<'a>) -> LocalBoxFuture<'a, Result<()>>;

/// One crash, or several in a row: `process` dies at each point after it was started again from the one before.
pub struct Case {
    pub process: &'static str,
    pub points: Vec<String>,
    pub deed: Deed,
}

/// A suite and who uses it; one case after the other is played on it.
pub struct World {
    pub suite: Suite,
    pub alice: Shopper,
    pub sam: Shopper,
    pub olga: Shopper,
}

/// The world during one case.
pub struct Stage<'a> {
    pub world: &'a World,
    pub case: &'a Case,
    settings: RefCell<Vec<(&'static str, String)>>,
    armed: Cell<bool>,
    risen: Cell<bool>,
    played: Cell<Option<Instant>>,
}

impl World {
    pub async fn open() -> Result<Self> {
        let suite = own_suite().await;
        let url = suite.public_url().to_owned();
        let [alice, sam, olga] = ["alice", "sam", "olga"].map(async |user| Shopper::log_in(&url, user).await);
        let (alice, sam, olga) = tokio::try_join!(alice, sam, olga)?;
        // Who asked a dead process again and again has opened circuits for those who come next.
        Ok(Self { suite, alice: alice.patient(), sam: sam.patient(), olga: olga.patient() })
    }

    /// Plays the case: the process must die at every point, the deed must succeed, and everything come to rest.
    pub async fn play(&self, case: &Case) -> Result<()> {
        let stage = Stage {
            world: self,
            case,
            settings: RefCell::default(),
            armed: Cell::new(false),
            risen: Cell::new(false),
            played: Cell::new(None),
        };
        let deed = async {
            (case.deed)(&stage).await?;
            stage.played.set(Some(Instant::now()));
            Ok(())
        };
        tokio::try_join!(deed, stage.die_and_rise())?;
        self.suite.ready(case.process).await?;
        self.at_rest().await
    }

    /// Ends everything at once: nothing of it is needed any more, and others must not wait.
    pub async fn close(self) {
        let closed = tokio::task::spawn_blocking(move || {
            for process in self.suite.status() {
                let _ = self.suite.kill(&process.id);
            }
        });
        let _ = closed.await;
    }

    /// Waits until all invariants hold, those between the services too.
    async fn at_rest(&self) -> Result<()> {
        let databases = databases(&self.suite);
        let began = Instant::now();
        loop {
            let mut found = invariants::between(&databases).await?;
            found.extend(self.differences().await?);
            if found.is_empty() {
                return Ok(());
            }
            ensure!(began.elapsed() < REST, "not at rest within {REST:?}: {}", found.join("\n"));
            // Each look opens a dozen connections.
            sleep(LOOK * 10).await;
        }
    }

    /// Where the store's copies differ from the truth: what is available, and how much was sold and not cancelled.
    async fn differences(&self) -> Result<Vec<String>> {
        let stocked = "select sku, on_hand - reserved from stock order by sku";
        let shown = "select sku, available from availability order by sku";
        let bought = "select line ->> 'sku', sum((line ->> 'quantity')::bigint)::bigint from messaging.outbox told,
                       jsonb_array_elements(body -> 'data' -> 'lines') line
                       where subject = 'order.confirmed.v1' and not exists (
                         select from messaging.outbox later
                         where later.subject = 'order.cancelled.v1' and later.aggregate = told.aggregate)
                       group by 1 order by 1";
        let counted = "select sku, sold from product where sold > 0 order by sku";
        let pairs = [("inventory", stocked, "store", shown), ("order", bought, "store", counted)];
        let mut found = Vec::new();
        for (owner, of_owner, other, of_other) in pairs {
            let (truth, copy) = (self.numbers(owner, of_owner).await?, self.numbers(other, of_other).await?);
            found.extend(truth.iter().filter(|it| !copy.contains(it)).map(|it| format!("{other} misses {it:?}")));
            found.extend(copy.iter().filter(|it| !truth.contains(it)).map(|it| format!("{other} made up {it:?}")));
        }
        Ok(found)
    }

    async fn numbers(&self, service: &str, sql: &'static str) -> Result<Vec<(String, i64)>> {
        let mut db = self.connect(service).await?;
        Ok(sqlx::query_as(sql).fetch_all(&mut db).await?)
    }

    pub async fn connect(&self, service: &str) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.suite.database_url(service)).await?)
    }

    /// Changes something behind a service's back.
    pub async fn execute(&self, service: &str, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connect(service).await?).await?;
        Ok(())
    }
}

impl Stage<'_> {
    /// From here on the process dies when it comes to the point.
    pub async fn arm(&self) -> Result<()> {
        self.arm_with(&[]).await
    }

    /// The same, with other settings besides.
    pub async fn arm_with(&self, settings: &[(&'static str, String)]) -> Result<()> {
        settings.clone_into(&mut self.settings.borrow_mut());
        self.start(0).await?;
        self.armed.set(true);
        // It may die before it is ready.
        while self.is_alive()? && self.world.suite.ready(self.case.process).await.is_err() {}
        Ok(())
    }

    /// The parcel leaves behind everybody's back: shipping announces nothing.
    pub async fn dispatch_untold(&self, order: &str) -> Result<()> {
        let left = format!(
            "update shipment set state = 'dispatched', changed_at = now() where order_id = '{order}';
             insert into tracking_event (order_id, state, at) values ('{order}', 'dispatched', now())"
        );
        self.world.execute("shipping", &left).await
    }

    /// Starts the process to die at its n-th point, or not to die any more.
    async fn start(&self, nr: usize) -> Result<()> {
        let process = self.case.process;
        let mut settings = self.settings.borrow().clone();
        settings.extend(self.case.points.get(nr).map(|point| ("CRASH_AT", point.clone())));
        self.world.suite.kill(process)?;
        self.release().await?;
        self.world.suite.start_with(process, &settings)
    }

    /// What the dead one held runs out at once: that others wait for it is tested elsewhere, and takes time.
    async fn release(&self) -> Result<()> {
        let process = self.case.process;
        if process == "gateway" {
            return Ok(());
        }
        let relay = "update messaging.relay_lease set lease_until = '-infinity'";
        self.world.execute(process, relay).await?;
        if process == "order" {
            let sagas =
                "update saga set due_at = clock_timestamp() where ended_at is null and lease_holder is not null";
            self.world.execute(process, sagas).await?;
        }
        Ok(())
    }

    async fn die_and_rise(&self) -> Result<()> {
        while !self.armed.get() {
            ensure!(self.played.get().is_none(), "the scenario never armed the process");
            sleep(LOOK).await;
        }
        for (nr, point) in self.case.points.iter().enumerate() {
            while self.is_alive()? {
                let late = self.played.get().is_some_and(|at| at.elapsed() > LATE);
                ensure!(!late, "the process never came to `{point}`");
                sleep(LOOK).await;
            }
            let log = self.log()?;
            let expected = format!("crashed at {point}");
            let said = log.lines().rev().find(|line| line.starts_with("crashed at ")).unwrap_or_default();
            ensure!(said == expected, "`{expected}` was to be said, not `{said}`:\n{}", tail(&log));
            self.start(nr + 1).await?;
        }
        self.risen.set(true);
        Ok(())
    }

    /// Waits until the process has died at every point and is well again. If it never dies, that is told elsewhere.
    pub async fn risen(&self) -> Result<()> {
        let began = Instant::now();
        while !self.risen.get() {
            ensure!(began.elapsed() < LATE * 2, "the process never came to {:?}", self.case.points);
            sleep(LOOK).await;
        }
        self.world.suite.ready(self.case.process).await
    }

    fn is_alive(&self) -> Result<bool> {
        Ok(self.status()?.pid.is_some())
    }

    fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.status()?.log)?)
    }

    fn status(&self) -> Result<launch::suite::Status> {
        let found = self.world.suite.status().into_iter().find(|it| it.id == self.case.process);
        found.with_context(|| format!("no process {}", self.case.process))
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// Asks until there is an answer, as a client does that must know: a broken connection, a 5xx and "still under way" say
/// nothing about what became of the request.
pub async fn insist(attempt: impl AsyncFn() -> Result<Answer>) -> Result<Answer> {
    patiently(async || {
        let answer = attempt().await?;
        let unknown = answer.status.is_server_error() || answer.body["code"] == "request_under_way";
        ensure!(!unknown, "{} {}", answer.status, answer.body);
        Ok(answer)
    })
    .await
}
