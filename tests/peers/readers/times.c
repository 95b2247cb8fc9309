/* Start and end of each file's event in UTC, as libical reads them. cc times.c -lical */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void print_utc(struct icaltimetype at)
{
    time_t seconds = icaltime_as_timet_with_zone(at, at.zone);
    char text[32];
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ ", gmtime(&seconds));
    fputs(text, stdout);
}

int main(int argc, char **argv)
{
    for (int number = 1; number < argc; number++) {
        static char text[1 << 16];
        FILE *file = fopen(argv[number], "r");
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        icalcomponent *calendar = icalparser_parse_string(text);
        icalcomponent *event = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT);
        print_utc(icalcomponent_get_dtstart(event));
        print_utc(icalcomponent_get_dtend(event));
        puts("");
        icalcomponent_free(calendar);
    }
}
