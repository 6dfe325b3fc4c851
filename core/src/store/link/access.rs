//! Making connections: addresses, logins, certificates. Shared by all connections of a store.

use std::path::PathBuf;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo,
    TlsCertificates, cmd,
};
use tokio::time::timeout;

use super::cluster::Knowledge;
use super::explain::explain;
use super::sentinel::Sentinels;
use super::url::{Endpoint, Form, Login, RedisUrl};
use crate::store::{StoreConfig, StoreError};

/// How this store gets at its Redis.
#[derive(Debug)]
pub(in crate::store) struct Access {
    url: RedisUrl,
    tls: TlsFiles,
    sentinels: Option<Sentinels>,
    knowledge: Knowledge,
    pub(super) connect_timeout: Duration,
}

/// Files in PEM form, read anew for each connection, so that a renewed certificate is taken up without a restart.
#[derive(Debug, Clone, Default)]
struct TlsFiles {
    authority: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Access {
    pub(in crate::store) fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let url = RedisUrl::parse(&config.url).map_err(StoreError::Url)?;
        let tls = TlsFiles {
            authority: config.ca_file.clone(),
            certificate: config.cert_file.clone(),
            key: config.key_file.clone(),
        };
        if !url.tls && (tls.authority.is_some() || tls.certificate.is_some() || tls.key.is_some()) {
            let advice = "is not one for TLS, but there are files for it: write rediss:// or leave the files out";
            return Err(StoreError::Url(advice.into()));
        }
        if tls.certificate.is_some() != tls.key.is_some() {
            return Err(StoreError::TlsFile(
                "redis.certFile and redis.keyFile belong together: give both or none".into(),
            ));
        }
        let sentinels = match &url.form {
            Form::Sentinel { sentinels, name } => {
                let login = Login { user: config.sentinel_user.clone(), password: config.sentinel_password.clone() };
                Some(Sentinels::new(sentinels.clone(), name.clone(), login))
            }
            _ => None,
        };
        let knowledge = Knowledge::default();
        Ok(Self { url, tls, sentinels, knowledge, connect_timeout: config.connect_timeout.0 })
    }

    pub(super) fn url(&self) -> &RedisUrl {
        &self.url
    }

    pub(super) fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// The same for the cluster that the one server of the URL turned out to belong to.
    pub(in crate::store) fn as_cluster(&self) -> Option<Self> {
        let Form::Server(seed) = &self.url.form else { return None };
        let url = RedisUrl { form: Form::Cluster { seeds: vec![seed.clone()] }, ..self.url.clone() };
        let (tls, knowledge) = (self.tls.clone(), Knowledge::default());
        Some(Self { url, tls, sentinels: None, knowledge, connect_timeout: self.connect_timeout })
    }

    pub(super) fn sentinels(&self) -> Option<&Sentinels> {
        self.sentinels.as_ref()
    }

    /// A client of a server with the data, for who needs a connection of another kind.
    pub(super) async fn client(&self, place: &Form) -> Result<Client, StoreError> {
        self.build(&self.place(place)?, &self.url.login, self.url.database).await
    }

    /// A connection to a server with the data.
    pub(super) async fn dial(&self, place: &Form, response: Duration) -> Result<MultiplexedConnection, StoreError> {
        self.open(self.place(place)?, &self.url.login, self.url.database, response).await
    }

    fn place(&self, place: &Form) -> Result<ConnectionAddr, StoreError> {
        match place {
            Form::Socket(path) => Ok(ConnectionAddr::Unix(path.into())),
            Form::Server(endpoint) => Ok(self.address(endpoint)),
            Form::Sentinel { .. } | Form::Cluster { .. } => Err(StoreError::Url("leads to several servers".into())),
        }
    }

    /// A connection to a Sentinel.
    pub(super) async fn dial_sentinel(
        &self,
        endpoint: &Endpoint,
        login: &Login,
    ) -> Result<MultiplexedConnection, StoreError> {
        self.open(self.address(endpoint), login, 0, self.connect_timeout).await
    }

    fn address(&self, Endpoint { host, port }: &Endpoint) -> ConnectionAddr {
        if self.url.tls {
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host.clone(), *port)
        }
    }

    async fn build(&self, address: &ConnectionAddr, login: &Login, database: i64) -> Result<Client, StoreError> {
        let mut settings = RedisConnectionInfo::default().set_db(database).set_skip_set_lib_name();
        if let Some(user) = &login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password);
        }
        let explain = |error| explain(&address.to_string(), &error);
        let info = address.clone().into_connection_info().map_err(explain)?.set_redis_settings(settings);
        if self.url.tls {
            let files = self.tls.read().await?;
            Client::build_with_tls(info, files).map_err(|error| StoreError::TlsFile(error.to_string()))
        } else {
            Client::open(info).map_err(explain)
        }
    }

    async fn open(
        &self,
        address: ConnectionAddr,
        login: &Login,
        database: i64,
        response: Duration,
    ) -> Result<MultiplexedConnection, StoreError> {
        let client = self.build(&address, login, database).await?;
        let shown = address.to_string();
        let explain = |error| explain(&shown, &error);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(response));
        // A connection is made when the server has answered on it: one that misses our certificate or password lets us connect.
        let opening = async {
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            cmd("PING").query_async::<()>(&mut connection).await?;
            Ok(connection)
        };
        if let Ok(outcome) = timeout(self.connect_timeout, opening).await {
            outcome.map_err(|error| self.tls.advise(explain(error), self.url.tls))
        } else {
            let reason = format!("no connection within {:?}", self.connect_timeout);
            Err(StoreError::Unreachable { address: shown, reason })
        }
    }
}

impl TlsFiles {
    /// A server that misses our certificate just hangs up.
    fn advise(&self, error: StoreError, tls: bool) -> StoreError {
        match error {
            StoreError::Unreachable { address, reason }
                if tls && self.certificate.is_none() && !reason.contains("refused") =>
            {
                let reason = format!("{reason} (does it ask for a client certificate? That is redis.certFile)");
                StoreError::Unreachable { address, reason }
            }
            other => other,
        }
    }

    async fn read(&self) -> Result<TlsCertificates, StoreError> {
        let root_cert = read(self.authority.as_ref(), "caFile").await?;
        let client_cert = read(self.certificate.as_ref(), "certFile").await?;
        let client_key = read(self.key.as_ref(), "keyFile").await?;
        let client_tls =
            client_cert.zip(client_key).map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

async fn read(path: Option<&PathBuf>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(path) = path else { return Ok(None) };
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => Err(StoreError::TlsFile(format!("redis.{key}: {}: {error}", path.display()))),
    }
}
