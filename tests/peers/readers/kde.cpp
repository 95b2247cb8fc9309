// KCalendarCore, on which KOrganizer and Merkuro build: with `times`, start and end of each file's
// event in UTC; with `store`, what stands in one calendar into which the files are loaded in order.
#include <KCalendarCore/ICalFormat>
#include <KCalendarCore/MemoryCalendar>
#include <QFile>
#include <QTextStream>
using namespace KCalendarCore;

int main(int argc, char **argv)
{
    QTextStream out(stdout);
    const QString form = QStringLiteral("yyyyMMdd'T'HHmmss'Z'");
    MemoryCalendar::Ptr calendar(new MemoryCalendar(QTimeZone::utc()));
    for (int number = 2; number < argc; number++) {
        if (QLatin1String(argv[1]) == QLatin1String("times")) {
            calendar = MemoryCalendar::Ptr(new MemoryCalendar(QTimeZone::utc()));
        }
        QFile file(QString::fromLocal8Bit(argv[number]));
        file.open(QIODevice::ReadOnly);
        (void)ICalFormat().fromRawString(calendar, file.readAll());
        const auto events = calendar->rawEvents();
        if (events.isEmpty()) {
            out << "none";
        }
        for (const auto &event : events) {
            out << event->dtStart().toUTC().toString(form) << ' ';
            if (QLatin1String(argv[1]) == QLatin1String("times")) {
                out << event->dtEnd().toUTC().toString(form) << ' ';
            } else {
                out << (event->status() == Incidence::StatusCanceled ? "CANCELLED " : "CONFIRMED ");
            }
        }
        out << '\n';
    }
}
