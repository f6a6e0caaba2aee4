-- What tools for SQL read: views named bi_, which say of the facts what answers say of them, with
-- persons, personas and repeats applied as of now, each touchpoint once. They hold every site:
-- whoever reads the database itself stands outside the isolation of sites.

-- +goose Up

-- What maps say, drawn from their sources by the query service. The rows of a version are there
-- before its row of map_drawings.
CREATE TABLE IF NOT EXISTS map_stages
(
    site     String,
    version  UInt32,
    position UInt32 COMMENT 'from 1, in the order of the map',
    stage    String,
    title    String
)
ENGINE = ReplacingMergeTree
ORDER BY (site, version, position);

CREATE TABLE IF NOT EXISTS map_touchpoints
(
    site        String,
    version     UInt32,
    position    UInt32 COMMENT 'from 1, in the order of the map',
    touchpoint  String,
    title       String,
    stage       String,
    channel     String COMMENT 'empty: the channel rules decide',
    importance  UInt8 COMMENT '1 to 5, 0 if not stated',
    barrier     Bool,
    status      String,
    repeat_of   String COMMENT 'empty: it repeats none',
    repeat_from UInt32 COMMENT '0: it repeats none'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, version, position);

CREATE TABLE IF NOT EXISTS map_drawings
(
    site    String,
    version UInt32,
    nobody  String COMMENT 'persona of a person of whom nothing is known'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, version);

-- Stages of the newest map of each site.
CREATE VIEW IF NOT EXISTS bi_stages AS
SELECT site, version AS map_version, position, stage, title
FROM map_stages FINAL
WHERE (site, version) IN (SELECT site, max(version) FROM map_drawings GROUP BY site);

-- Touchpoints of the newest map of each site.
CREATE VIEW IF NOT EXISTS bi_map_touchpoints AS
SELECT site, version AS map_version, position, touchpoint, title, stage, channel, importance,
    barrier, status, repeat_of, repeat_from
FROM map_touchpoints FINAL
WHERE (site, version) IN (SELECT site, max(version) FROM map_drawings GROUP BY site);

-- A row per touchpoint. touchpoint, stage and channel are those with repeats applied.
CREATE VIEW IF NOT EXISTS bi_touchpoints AS
WITH
    toUnixTimestamp64Milli(t.at) AS instant,
    arrayFilter(
        r -> r.2 = t.touchpoint AND arrayExists(
            b -> b.1 = r.1 AND (instant > b.2 OR (instant = b.2 AND (b.3 = 0 OR n.nth > b.3))),
            p.repeats),
        m.rules) AS begun,
    arraySort(r -> (-toInt64(r.3), r.6), begun)[1] AS rule
SELECT
    toString(t.site) AS site,
    t.message_id AS message_id,
    t.at AS at,
    t.occurred_at AS occurred_at,
    t.received_at AS received_at,
    toString(t.kind) AS kind,
    toString(t.event) AS event,
    if(notEmpty(begun), rule.1, toString(t.touchpoint)) AS touchpoint,
    if(notEmpty(begun), rule.4, toString(t.stage)) AS stage,
    if(notEmpty(begun) AND rule.5 != '', rule.5, toString(t.channel)) AS channel,
    lower(leftPad(hex(t.identity), 16, '0')) AS identity,
    lower(leftPad(hex(if(p.derived, p.person, t.identity)), 16, '0')) AS person_id,
    multiIf(p.derived, toString(p.persona), d.nobody != '', d.nobody, 'unassigned') AS persona,
    t.user_id AS user_id,
    t.anonymous_id AS anonymous_id,
    toString(t.campaign) AS campaign,
    toString(t.campaign_source) AS campaign_source,
    toString(t.campaign_medium) AS campaign_medium,
    toString(t.device) AS device,
    toString(t.browser) AS browser,
    toString(t.os) AS os,
    toString(t.traffic) AS traffic,
    t.properties AS properties,
    t.context AS context,
    t.map_version AS map_version,
    t.original_at AS original_at,
    t.batch_index AS batch_index
FROM touchpoints AS t FINAL
LEFT JOIN
(
    SELECT toString(site) AS site, identity, person, persona, repeats, true AS derived
    FROM profiles FINAL
) AS p ON p.site = t.site AND p.identity = t.identity
LEFT JOIN
(
    SELECT site, groupArray((touchpoint, repeat_of, repeat_from, stage, channel, position)) AS rules
    FROM bi_map_touchpoints WHERE repeat_of != '' GROUP BY site
) AS m ON m.site = t.site
LEFT JOIN
(
    SELECT site, argMax(nobody, version) AS nobody FROM map_drawings GROUP BY site
) AS d ON d.site = t.site
LEFT JOIN
(
    -- Places among a person's touchpoints of one kind and millisecond, where a repeat begins there.
    SELECT toString(t.site) AS site, t.identity AS identity, t.message_key AS message_key,
        t.received_at AS received_at, t.batch_index AS batch_index,
        row_number() OVER (
            PARTITION BY t.site, b.person, t.touchpoint, t.at
            ORDER BY t.occurred_at, t.original_at, t.received_at, t.batch_index, t.message_id
        ) AS nth
    FROM touchpoints AS t FINAL
    INNER JOIN
    (
        SELECT DISTINCT site, identity, person, r.2 AS instant
        FROM profiles FINAL ARRAY JOIN repeats AS r
        WHERE r.3 > 0
    ) AS b ON b.site = t.site AND b.identity = t.identity
        AND b.instant = toUnixTimestamp64Milli(t.at)
) AS n ON n.site = t.site AND n.identity = t.identity AND n.message_key = t.message_key
    AND n.received_at = t.received_at AND n.batch_index = t.batch_index;

-- A row per session: the touchpoints of one visitor, or of one user on servers, without a gap of
-- more than 30 minutes.
CREATE VIEW IF NOT EXISTS bi_sessions AS
SELECT site, identity, any(person_id) AS person_id, any(persona) AS persona,
    min(at) AS started_at, max(at) AS ended_at,
    dateDiff('millisecond', started_at, ended_at) / 1000 AS seconds,
    count() AS touchpoints,
    argMin(event, shown) AS first_event, argMax(event, shown) AS last_event,
    argMinIf(channel, shown, channel != '') AS channel,
    session
FROM
(
    SELECT *, sum(begins) OVER (
        PARTITION BY site, identity ORDER BY at ROWS UNBOUNDED PRECEDING) AS session
    FROM
    (
        SELECT site, identity, person_id, persona, at, event, channel,
            (occurred_at, original_at, received_at, batch_index, message_id) AS shown,
            row_number() OVER w = 1
                OR dateDiff('millisecond', lagInFrame(at) OVER w, at) > 30 * 60 * 1000 AS begins
        FROM bi_touchpoints
        WINDOW w AS (
            PARTITION BY site, identity ORDER BY at
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
)
GROUP BY site, identity, session;

-- A row per person and stage that the person entered.
CREATE VIEW IF NOT EXISTS bi_stage_entries AS
SELECT site, person_id, any(persona) AS persona, stage, min(at) AS entered_at, max(at) AS last_at,
    count() AS touchpoints,
    argMin(touchpoint, (occurred_at, original_at, received_at, batch_index, message_id))
        AS first_touchpoint,
    argMinIf(channel, (occurred_at, original_at, received_at, batch_index, message_id),
        channel != '') AS first_channel
FROM bi_touchpoints
WHERE stage != ''
GROUP BY site, person_id, stage;

-- A row per person of whom a touchpoint, a trait or a link is known.
CREATE VIEW IF NOT EXISTS bi_persons AS
SELECT
    site,
    person_id,
    if(max(derived), anyIf(persona, derived), any(persona)) AS persona,
    anyIf(traits, derived) AS traits,
    anyIf(groups, derived) AS groups,
    arraySort(groupUniqArrayIf(user_id, user_id != '')) AS user_ids,
    arraySort(groupUniqArrayIf(anonymous_id, anonymous_id != '')) AS anonymous_ids,
    countIf(touched) AS touchpoints,
    minIf(at, touched) AS first_at,
    maxIf(at, touched) AS last_at,
    argMinIf(channel, shown, touched AND channel != '') AS first_channel,
    argMaxIf(channel, shown, touched AND channel != '') AS last_channel,
    argMaxIf(stage, shown, touched AND stage != '') AS current_stage
FROM
(
    SELECT site, person_id, persona, '' AS traits, '' AS groups, user_id, anonymous_id, at, channel,
        stage, (occurred_at, original_at, received_at, batch_index, message_id) AS shown,
        true AS touched, false AS derived
    FROM bi_touchpoints
    UNION ALL
    SELECT toString(site), lower(leftPad(hex(person), 16, '0')), toString(persona), traits, groups,
        '', '', toDateTime64(0, 3, 'UTC'), '', '',
        (toDateTime64(0, 9, 'UTC'), toDateTime64(0, 9, 'UTC'), toDateTime64(0, 9, 'UTC'),
            toUInt32(0), ''),
        false, true
    FROM profiles FINAL
)
GROUP BY site, person_id;

-- Touchpoints and persons per day of UTC.
CREATE VIEW IF NOT EXISTS bi_daily AS
SELECT site, toDate(at) AS day, event, touchpoint, stage, channel, persona,
    count() AS touchpoints, uniqExact(person_id) AS persons
FROM bi_touchpoints
GROUP BY site, day, event, touchpoint, stage, channel, persona;

-- +goose Down
DROP VIEW bi_daily;
DROP VIEW bi_persons;
DROP VIEW bi_stage_entries;
DROP VIEW bi_sessions;
DROP VIEW bi_touchpoints;
DROP VIEW bi_map_touchpoints;
DROP VIEW bi_stages;
DROP TABLE map_drawings;
DROP TABLE map_touchpoints;
DROP TABLE map_stages;
