//! Everything that is so at one moment, and what may happen next.

use order::saga::{Position, Progress};

use crate::participants::{Effect, Verb};

/// How often what may go wrong. Every combination within these bounds is explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Requests and answers that are lost, or arrive after they were given up.
    pub network: u8,
    /// Requests that arrive once more.
    pub duplicates: u8,
    /// Instances and participants that crash.
    pub crashes: u8,
    /// Instances that stall past their lease and wake up later.
    pub stalls: u8,
}

/// An instance that believes the saga is its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    pub epoch: u8,
    pub progress: Progress,
    pub waits: Option<(usize, Verb)>,
}

/// What is on its way. Service, verb and epoch stand for the connection: within a taking nothing is asked twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Asked { service: usize, verb: Verb, epoch: u8 },
    Answered { service: usize, verb: Verb, epoch: u8, yes: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The row: how far the saga is, and the epoch of the last taking.
    pub saved: Progress,
    pub epoch: u8,
    pub instances: Vec<Instance>,
    pub network: Vec<Message>,
    pub standing: [Effect; 4],
    /// Of which an undo was answered with yes.
    pub taken_back: [bool; 4],
    /// What the saga did to the order.
    pub changes: Vec<&'static str>,
    /// Somebody refused what cannot be refused: only a person could end it.
    pub hopeless: bool,
    pub faults: Faults,
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq)]
pub enum Happens {
    /// An instance takes the saga: nobody works on it, or the one who does has stalled past its lease.
    Take,
    /// An instance saves, then asks or changes the order.
    GoOn(usize),
    /// A request arrives; the participant refuses if it can and is unwilling. `again`: it will arrive once more.
    Arrives { message: usize, unwilling: bool, again: bool },
    /// An answer arrives.
    Answers(usize),
    /// A request or answer that somebody waits for is lost.
    Lost(usize),
    /// An instance has waited for too long, and past the step's deadline or not.
    TimesOut { instance: usize, overdue: bool },
    /// An instance forgets everything.
    Crashes(usize),
    /// A participant loses its connections, and requests and answers with them.
    ParticipantCrashes(usize),
    /// The parcel leaves.
    Leaves,
}

impl Instance {
    pub fn waits_for(&self, message: &Message) -> bool {
        let (Message::Asked { service, verb, epoch } | Message::Answered { service, verb, epoch, .. }) = message;
        self.epoch == *epoch && self.waits == Some((*service, *verb))
    }
}

impl State {
    /// Whether the saga has ended, and how.
    pub fn ended(&self) -> Option<bool> {
        match self.saved.position {
            Position::Done => Some(true),
            Position::Undone => Some(false),
            _ => None,
        }
    }

    /// An instance takes the saga, as it was last saved.
    pub fn take(&mut self) -> Option<()> {
        if self.is_worked_on() {
            self.faults.stalls = self.faults.stalls.checked_sub(1)?;
        }
        self.epoch += 1;
        self.instances.push(Instance { epoch: self.epoch, progress: self.saved.clone(), waits: None });
        Some(())
    }

    /// Whether an instance that was not overtaken works on it.
    pub fn is_worked_on(&self) -> bool {
        self.instances.iter().any(|instance| instance.epoch == self.epoch)
    }

    /// The instance that waits for what this is about.
    pub fn waiting(&self, message: &Message) -> Option<usize> {
        self.instances.iter().position(|instance| instance.waits_for(message))
    }

    pub fn send(&mut self, message: Message) {
        let place = self.network.partition_point(|other| *other < message);
        self.network.insert(place, message);
    }

    /// What nobody waits for any more: late requests stay on their way, answers have no connection left.
    pub fn hang_up(&mut self) {
        let mut network = std::mem::take(&mut self.network);
        network.retain(|message| matches!(message, Message::Asked { .. }) || self.waiting(message).is_some());
        self.network = network;
    }
}
