//! A saga's progress as it is kept: by the names of steps, since tables of steps may grow while sagas are under way.

use crate::{
    domain::{Direction, SagaState, Standing},
    saga::{Action, Position, Progress, Saga},
};

impl<S> Saga<S> {
    /// The progress as it is kept.
    pub fn standing(&self, progress: &Progress) -> Standing {
        let (state, step) = match progress.position {
            Position::Doing(index) => (SagaState::Running, Some(self.step(index).name)),
            Position::Undoing(index) => (SagaState::Undoing, Some(self.step(index).name)),
            Position::Closing => (SagaState::Undoing, Some(self.undone.name)),
            Position::Done => (SagaState::Done, None),
            Position::Undone => (SagaState::Undone, None),
        };
        let attempts = i32::try_from(progress.attempts).unwrap_or(i32::MAX);
        Standing { state, step: step.map(str::to_owned), attempts, reason: progress.reason.clone() }
    }

    /// The progress that was kept. None if this table has no such step.
    pub fn progress(&self, standing: &Standing) -> Option<Progress> {
        let index = || self.index_of(standing.step.as_deref()?);
        let position = match standing.state {
            SagaState::Running => Position::Doing(index()?),
            SagaState::Undoing if standing.step.as_deref() == Some(self.undone.name) => Position::Closing,
            SagaState::Undoing => Position::Undoing(index().filter(|&index| self.is_undoable(index))?),
            SagaState::Done => Position::Done,
            SagaState::Undone => Position::Undone,
        };
        let attempts = u32::try_from(standing.attempts).unwrap_or(0);
        Some(Progress { position, attempts, reason: standing.reason.clone() })
    }
}

impl Action {
    /// Forwards or backwards.
    pub const fn direction(self) -> Direction {
        match self {
            Self::Undo(_) => Direction::Undo,
            _ => Direction::Do,
        }
    }
}
