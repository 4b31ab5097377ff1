//! What `doctor` tries of a running node beside its figures.

use super::Node;
use crate::doctor::tls::{self, Unencrypted};
use crate::doctor::{self, Check};
use std::sync::Arc;

impl Node {
    /// Folder, disk, clock, devices that asked in vain, and unless it has to be quick the DHT, the proxies with TLS, and the one
    /// that everything goes through.
    pub(crate) async fn checked(&self, quick: bool) -> Vec<Check> {
        let now = self.now();
        let (home, heard) = (self.home.clone(), self.networks.clocks.told(now));
        let mut checks = tokio::task::spawn_blocking(move || doctor::of_home(&home, heard)).await.unwrap_or_default();
        checks.extend(self.unencrypted.check(now.mono));
        if !quick {
            let (networks, key) = (&self.networks, self.key());
            let urls = self.desk().one("apps-url").map(|setting| setting.value).unwrap_or_default();
            checks.extend(tls::of_proxies(&urls, networks.engine.is_some()).await);
            let trial = doctor::network::of_dht(networks.dht.as_ref(), key, networks.since_head_put(), now.wall.0);
            checks.extend(networks.trials.answer(trial).await);
            checks.extend(doctor::of_proxy().await);
        }
        checks
    }

    /// Who asked for the add-on in a way in which devices do not get it.
    pub(crate) fn unencrypted(&self) -> Arc<Unencrypted> {
        Arc::clone(&self.unencrypted)
    }
}
