//! Everything around the relayer, and the relayer.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use relay_core::address::SecretKey;
use relay_core::chain::{ChainConfig, NodeConfig};
use relay_core::client::OpenSession;
use testbed::{Chain, Genesis, Redis, free_address};

use crate::Error;
use crate::backend::Backend;
use crate::caller::Caller;
use crate::relays::Signer;

const PATIENCE: Duration = Duration::from_secs(30);
/// More than a measurement can spend.
const STAKE: u64 = 1_000_000_000_000_000;

/// A chain that makes no blocks by itself, so that one session lasts for ever; Redis; a backend; and what to start relayers
/// with.
pub(crate) struct Surroundings {
    _chain: Chain,
    pub(crate) redis: Redis,
    pub(crate) backend: Backend,
    pub(crate) signer: Signer,
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// A running relayer. It ends with this.
pub(crate) struct Relayer {
    child: Child,
    pub(crate) relays: SocketAddr,
    /// From its start until it said that it is ready.
    pub(crate) ready_after: Duration,
}

impl Surroundings {
    pub(crate) async fn start(program: &Path, connections: usize) -> Result<Self, Error> {
        let chain = Chain::start(Genesis::new().block_time(Duration::from_hours(24)).application_stake(STAKE)).await?;
        let redis = Redis::start().await?;
        let backend = Backend::start(free_address()?)?;
        let folder = tempfile::tempdir().map_err(Error::io("make a folder"))?;
        let nodes = vec![NodeConfig { name: "own".to_owned(), rpc: chain.rpc().to_owned(), grpc: chain.grpc() }];
        let view = relay_core::chain::Chain::new(&ChainConfig::new(nodes))?;
        let key = |name| Ok::<_, Error>(SecretKey::from_hex(&chain.account(name)?.private_key)?);
        let (application, supplier) = (key("app1")?, key("supplier1")?);
        let session = OpenSession::fetch(&view, application.address(), &"svc1".into()).await?;
        if session.ring.len() != 2 {
            return Err(Error::Worthless(format!("a ring of {} members instead of 2", session.ring.len())));
        }
        let keys = folder.path().join("keys");
        fs::create_dir(&keys).map_err(Error::io("make a folder"))?;
        fs::write(keys.join(supplier.address().as_str()), &chain.account("supplier1")?.private_key)
            .map_err(Error::io("write a key"))?;
        let template = format!(
            "name: bench\nlisten: LISTEN\nadmin: ADMIN\n\
             chain: {{nodes: [{{name: own, rpc: '{}', grpc: '{}'}}]}}\n\
             redis: {{url: '{}', prefix: bench}}\n\
             keys: {{directory: '{}'}}\n\
             services: {{svc1: {{backends: {{jsonrpc: {{url: 'http://{}'}}}}}}}}\n\
             limits: {{connections: {connections}}}\n\
             drain: {{delay: 0s}}\n\
             maxBlockAge: 24h\n",
            chain.rpc(),
            chain.grpc(),
            redis.url(),
            keys.display(),
            backend.address
        );
        fs::write(folder.path().join("template.yaml"), template).map_err(Error::io("write a configuration"))?;
        let signer = Signer { session, application, supplier };
        Ok(Self { _chain: chain, redis, backend, signer, program: program.to_owned(), folder })
    }

    /// Starts a relayer and waits until it is ready.
    pub(crate) fn relayer(&self) -> Result<Relayer, Error> {
        let (relays, admin) = (free_address()?, free_address()?);
        let write = Error::io("write a configuration");
        let template = fs::read_to_string(self.folder.path().join("template.yaml")).map_err(&write)?;
        let config = self.folder.path().join("relayer.yaml");
        let text = template.replace("LISTEN", &relays.to_string()).replace("ADMIN", &admin.to_string());
        fs::write(&config, text).map_err(&write)?;
        let log = File::create(self.folder.path().join("relayer.log")).map_err(&write)?;
        let started = Instant::now();
        let mut command = Command::new(&self.program);
        command.args(["relayer", "--until-input-ends", "--config"]).arg(&config);
        // The pipe ends with this process, and the relayer with the pipe.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(Error::io("start the relayer"))?;
        let mut relayer = Relayer { child, relays, ready_after: Duration::ZERO };
        while !is_ready(admin) {
            let ended = relayer.child.try_wait().map_err(Error::io("wait for the relayer"))?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("relayer.log")).unwrap_or_default();
                return Err(Error::Worthless(format!("the relayer does not become ready:\n{log}")));
            }
            sleep(Duration::from_micros(500));
        }
        relayer.ready_after = started.elapsed();
        Ok(relayer)
    }
}

fn is_ready(admin: SocketAddr) -> bool {
    Caller::connect(admin).and_then(|mut caller| Ok(caller.get("/ready")?.status)).is_ok_and(|status| status == 200)
}

impl Relayer {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Relayer {
    fn drop(&mut self) {
        // As in real life, so that a bench of a build with instruments gets their results.
        let told = i32::try_from(self.child.id()).is_ok_and(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok());
        let until = Instant::now() + PATIENCE;
        while told && Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
