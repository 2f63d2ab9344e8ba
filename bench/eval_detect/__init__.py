"""What Footfall's anomalies are worth: simulated products with planted causes, judged as the merger would."""
