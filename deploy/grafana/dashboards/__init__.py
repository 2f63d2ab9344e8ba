"""Footfall's Grafana dashboards, as code: `python -m deploy.grafana.dashboards` writes them as JSON."""
