# syntax=docker/dockerfile:1
# The runtime comes with the image, so the npm-borne ones go again. No package needs a script to be installed.
FROM node:26-bookworm-slim AS dependencies
WORKDIR /opt/portcullis
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/node-* node_modules/.bin/node

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/portcullis
COPY --from=dependencies /opt/portcullis/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY config ./config
COPY src ./src
# Runs without privileges; the data directory is the only place it writes to.
RUN install -d -o node -g node /var/lib/portcullis
USER node
VOLUME /var/lib/portcullis
EXPOSE 8080 8081
ENTRYPOINT ["node", "/opt/portcullis/bin/portcullis.js"]
CMD ["serve", "--config", "/etc/portcullis/portcullis.yaml"]
