//! A call of a script, as a command.

use redis::{Cmd, Script, ToRedisArgs};

/// Collects keys, then arguments, of one call of a script.
pub(super) struct Call {
    pub(super) script: &'static Script,
    keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(script: &'static Script) -> Self {
        Self { script, keys: Vec::new(), arguments: Vec::new() }
    }

    pub(super) fn key(mut self, key: String) -> Self {
        self.keys.push(key);
        self
    }

    pub(super) fn argument(mut self, argument: impl ToRedisArgs) -> Self {
        argument.write_redis_args(&mut self.arguments);
        self
    }

    /// The command that names the script by its hash.
    pub(super) fn command(&self) -> Cmd {
        let size =
            self.arguments.iter().map(Vec::len).sum::<usize>() + self.keys.iter().map(String::len).sum::<usize>();
        let mut command = Cmd::with_capacity(3 + self.keys.len() + self.arguments.len(), size + 64);
        command.arg("EVALSHA").arg(self.script.get_hash()).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        for argument in &self.arguments {
            command.arg(argument.as_slice());
        }
        command
    }
}
