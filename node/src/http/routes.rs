//! Routes with a list of what they are, so that a test can walk all of them: a router alone does not tell.

use super::Shared;
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

/// Routes under the guard of [`super::session`]. There is no other way to serve something.
#[derive(Default)]
pub struct Routes {
    router: Router<Shared>,
    listed: Vec<(Method, String)>,
}

impl Routes {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A read. It also answers HEAD.
    #[must_use]
    pub fn get<H: Handler<T, Shared>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.on(&Method::GET, MethodFilter::GET, path, handler)
    }

    /// A change, or a question that is too long for an address.
    #[must_use]
    pub fn post<H: Handler<T, Shared>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.on(&Method::POST, MethodFilter::POST, path, handler)
    }

    fn on<H: Handler<T, Shared>, T: 'static>(
        mut self,
        method: &Method,
        filter: MethodFilter,
        path: &str,
        handler: H,
    ) -> Self {
        self.router = self.router.route(path, on(filter, handler));
        self.listed.push((method.clone(), path.to_owned()));
        self
    }

    /// These and those.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.listed.extend(other.listed);
        self
    }

    /// Changes how the routes so far are served, such as by a layer.
    #[must_use]
    pub fn map(mut self, change: impl FnOnce(Router<Shared>) -> Router<Shared>) -> Self {
        self.router = change(self.router);
        self
    }

    /// Method and path of each, in the order in which they were named.
    #[must_use]
    pub fn listed(&self) -> &[(Method, String)] {
        &self.listed
    }

    pub(super) fn into_router(self) -> Router<Shared> {
        self.router
    }
}
