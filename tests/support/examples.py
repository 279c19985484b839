"""The example request of the architecture document, complete, for tests and benchmarks."""

from __future__ import annotations

REQUEST_FILE = "changes/2026/CHG-2026-7K3QX9ZB.yaml"
REQUEST = """\
apiVersion: itil-gate/v1
kind: ChangeRequest
metadata: {id: CHG-2026-7K3QX9ZB, title: Rotate the payment gateway certificates, requester: alice}
spec:
  type: normal                        # standard | normal | emergency | registration (vendor-run)
  model: certificate-rotation         # optional; required for standard
  services: [payments-api]            # Backstage entity names
  environments: [production]
  implementer: alice                  # person or pipeline
  scope: [deploy/payments/**, certs/**]
  window: {start: "2026-11-25T22:00", end: "2026-11-25T23:00", timezone: Europe/Berlin, soak: 24h}
  risk: low                           # may raise, never lower
  reason: The certificates expire on 2026-12-01.
  expectedOutcome: The gateway presents the new certificates.
  acceptance: The probe of all four endpoints is green for an hour.
  significant: false
  impact: {users: none, security: better, privacy: none, continuity: none, downtime: 0m,
           reversible: true}
  plans:
    implementation: Run the pipeline rotate-certificates.
    test: Done in staging on 2026-11-20.
    backout: {steps: Run it again with the old pair., tested: true, maxMinutes: 15, owner: bob,
              abort: Handshake errors above 0.1 %.}
    communication: Posted in the payments channel a day before.
  readiness: {runbook: docs/runbooks/certificates.md, alerts: tls-expiry, oncall: payments}
  evidence: [{kind: junit, path: reports/junit.xml}]
  links: [{type: incident, id: INC-123}]
  related: [{repository: example.com/acme/edge, change: CHG-2026-7K3QX9ZC}]
"""
