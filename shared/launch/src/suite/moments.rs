//! Backup and restore of a running suite.

use std::path::Path;

use anyhow::Result;

use super::{GRACE, Suite, WAVES};
use crate::backup::{self, Backup, DATABASES};

impl Suite {
    /// Writes all databases, as they are at one moment, to a new directory. The suite goes on.
    pub async fn back_up(&self, directory: &Path) -> Result<Backup> {
        backup::take(&self.postgres.access(), &DATABASES, directory).await
    }

    /// Puts these databases back to the moments of their backups, with everything stopped meanwhile, and starts again.
    pub async fn restore(&self, moments: &[(&Backup, &[&str])]) -> Result<()> {
        self.halt();
        let access = self.postgres.access();
        for (backup, databases) in moments {
            backup.restore(&access, databases).await?;
        }
        self.nats.forget()?;
        for name in DATABASES {
            access.publish_all_again(name).await?;
        }
        self.nats.restart().await?;
        for wave in WAVES {
            let ids: Vec<_> = self.status().into_iter().map(|it| it.id).collect();
            let of_wave = |id: &&String| wave.iter().any(|name| id.split('-').next() == Some(*name));
            let ids: Vec<_> = ids.iter().filter(of_wave).map(String::as_str).collect();
            for id in &ids {
                self.start_again(id)?;
            }
            self.all_listening(&ids).await?;
        }
        self.all_ready().await
    }

    /// Stops the processes: first who asks others, then who is asked.
    pub(super) fn halt(&self) {
        for wave in WAVES.iter().rev() {
            let mut instances = self.instances();
            let mut leaving: Vec<_> = instances.iter_mut().filter(|it| wave.contains(&it.program.name)).collect();
            for instance in &mut leaving {
                instance.ask_to_stop();
            }
            for instance in &mut leaving {
                instance.stop(GRACE);
            }
        }
    }
}
