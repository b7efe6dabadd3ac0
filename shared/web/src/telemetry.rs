//! Logs, traces and metrics. Set up once per process, whatever number of services run in it.

use std::{
    fmt::{self, Debug},
    io::IsTerminal,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::{
    Context, global,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tokio::time::sleep;
use tracing::{Span, field::Field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    EnvFilter, Layer,
    field::MakeExt,
    fmt::format::{Writer, debug_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::settings::{LogFormat, Settings};

/// Bounds of the duration histograms, in seconds.
const DURATIONS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const ADDED_UP: Duration = Duration::from_secs(5);

static EXPORTS: AtomicBool = AtomicBool::new(false);

/// Whether anybody is told of spans.
pub fn exports() -> bool {
    EXPORTS.load(Relaxed)
}

/// Which processes have traces of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traces {
    /// What it does goes on in events, with the trace that caused it.
    Always,
    /// It only passes on what others began, and so needs its own part only where somebody is told.
    Exported,
}

/// Sets up logs and traces. The provider is shut down last, so that the last spans still leave.
pub(crate) fn start(service: &'static str, settings: &Settings, traces: Traces) -> anyhow::Result<SdkTracerProvider> {
    let filter = EnvFilter::try_new(&settings.log)?;
    let provider = tracer_provider(service, settings)?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    // Colours are for people at a terminal; in a file or a container's log they are noise.
    let colours = std::io::stderr().is_terminal();
    let lines = match settings.log_format {
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .fmt_fields(debug_fn(field).delimited(" "))
            .with_ansi(colours)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    // Each of these costs something at every poll of every request, and says nothing that is asked here.
    EXPORTS.fetch_or(settings.otlp_endpoint.is_some(), Relaxed);
    let has_spans = traces == Traces::Always || settings.otlp_endpoint.is_some();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(service))
        .with_context_activation(false)
        .with_tracked_inactivity(false)
        .with_threads(false)
        .with_location(false);
    // A second service in the same process (in tests) keeps the first one's.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(has_spans.then_some(spans)).try_init();
    Ok(provider)
}

// Written with every request's span, so without the colours that the library's own way makes up its mind about anew.
fn field(line: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    match field.name() {
        "message" => write!(line, "{value:?}"),
        name => write!(line, "{name}={value:?}"),
    }
}

fn tracer_provider(service: &'static str, settings: &Settings) -> anyhow::Result<SdkTracerProvider> {
    let resource = Resource::builder().with_service_name(service).build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    Ok(match &settings.otlp_endpoint {
        None => builder.build(),
        Some(endpoint) => {
            let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
            builder.with_batch_exporter(exporter).build()
        }
    })
}

/// The process's metrics, rendered for Prometheus.
pub(crate) fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder =
            PrometheusBuilder::new().set_buckets(DURATIONS).expect("the bounds are not empty").build_recorder();
        let handle = recorder.handle();
        // Only the first recorder of a process can be installed, and this is the only place that does.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}

/// Adds up what histograms were told, again and again. Until then, or until somebody asks for `/metrics`, every number is
/// kept, so where nobody does, memory would grow with each request. Never ends.
pub(crate) async fn add_up() {
    loop {
        sleep(ADDED_UP).await;
        metrics().run_upkeep();
    }
}

/// The trace context of the current span as a `traceparent` (W3C Trace Context, section 3.2), to be sent on.
pub fn traceparent() -> Option<String> {
    let mut carrier = Carrier(None);
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.0
}

/// Makes `span` a child of the remote span that `traceparent` names. One that is malformed is ignored, as the
/// standard asks.
pub fn continue_trace(span: &Span, traceparent: Option<&str>) {
    if let Some(traceparent) = traceparent {
        let carrier = Carrier(Some(traceparent.to_owned()));
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        // An error means that no tracing is set up, as in some tests: nothing to continue.
        let _ = span.set_parent(parent);
    }
}

struct Carrier(Option<String>);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        if key == "traceparent" { self.0.as_deref() } else { None }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
