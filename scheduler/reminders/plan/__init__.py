"""Plan of new deliveries: reminders and alarms of sessions, notices, agendas, repeated alarms."""
