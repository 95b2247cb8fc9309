"""Planning of what falls due: sessions, leads, notices, agendas and repeated alarms → new
deliveries.
"""
